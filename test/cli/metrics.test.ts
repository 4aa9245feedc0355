import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { PRESETS, type PresetName } from '../../src/metrics/presets.ts';
import { pageOf, SCHEMES, SLOTS, VERSIONS } from '../metrics/support/schemes.ts';
import { useServers } from '../support/http.ts';
import { useCommandLine } from './command-line.ts';

const bluegreen = useCommandLine();
const serve = useServers();
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bluegreen-metrics-'));
});
afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

/** A page on which each version gets more with every reading: blue 100 requests, green 50, of which 20 fail. */
async function runbookFor(name: string, keys: object = {}): Promise<string> {
  const scheme = SCHEMES.find((one) => one.name === name);
  if (!scheme) throw new Error(`no scheme ${name}`);
  let read = 0;
  const { origin } = await serve((_, response) => {
    read += 1;
    const [blue, green] = [100 * read, 50 * read];
    response.end(
      pageOf(
        scheme,
        { answered: blue, failed: 0, slow: read },
        { answered: green - 20 * read, failed: 20 * read, slow: 0 },
      ),
    );
  });
  const status = { traffic: { [VERSIONS.blue]: 50, [VERSIONS.green]: 50 }, slots: SLOTS };
  const file = join(folder, 'shop.yaml');
  const runbook = {
    service: 'shop',
    environment: 'production',
    platform: {
      kind: 'command',
      deploy: ['true'],
      shiftTraffic: ['true'],
      rollback: ['true'],
      status: ['echo', JSON.stringify(status)],
      health: { url: origin },
    },
    metrics: { kind: 'scrape', targets: [`${origin}/metrics`], ...scheme.keys, ...keys },
    limits: { errorRate: '5%', ...(scheme.measuresLatency && { latency: { quantile: 0.95, under: '500ms' } }) },
    traffic: [{ percentage: 100, soak: '1m' }],
  };
  await writeFile(file, stringify(runbook));
  return file;
}

test('metrics inspect shows what the watch would see, by the slots that the router names', async () => {
  const file = await runbookFor('the preset haproxy', { latency: undefined });
  const { exitCode, out, err } = await bluegreen(['metrics', 'inspect', '--runbook', file, '--for', '1']).ended;
  expect([err, exitCode]).toEqual(['', EXIT.ok]);
  expect(out).toMatch(
    /2\.4\.0 {2}blue\n {2}requests {7}\d+\.\d a second\n {2}failed {9}0 % \(0 of 100\)\n {2}slow {11}not measured\n/,
  );
  expect(out).toMatch(/2\.5\.0 {2}green\n.*\n {2}failed {9}40 % \(20 of 50\)\n/);
  expect(out).toContain('Nothing is wrong that can be known before a shift.');
});

test('what would be refused is shown with the key that fixes it', async () => {
  const file = await runbookFor('a version written with a v, and classes of statuses', { versionValue: undefined });
  const { exitCode, out } = await bluegreen(['metrics', 'inspect', '--runbook', file, '--for', '1']).ended;
  expect(exitCode).toBe(EXIT.refused);
  expect(out).toContain('none of them is 2.4.0');
  expect(out).toContain('metrics.versionValue: "v{version}"');
  expect(out).toContain('1 problem: no traffic would be shifted.');
});

test('as JSON, what is not known is not there', async () => {
  const file = await runbookFor('a version label and a status');
  const { out } = await bluegreen(['metrics', 'inspect', '--runbook', file, '--for', '1', '--json']).ended;
  expect(JSON.parse(out)).toMatchObject({
    kind: 'scrape',
    problems: [],
    versions: [
      { version: '2.4.0', role: 'blue', counts: { requests: 100, failed: 0, slow: 1 }, slowAboveS: [0.5] },
      { version: '2.5.0', role: 'green', counts: { requests: 50, failed: 20, slow: 0 }, slowAboveS: [0.5] },
    ],
  });
});

test('a page that nobody has described gets a draft', async () => {
  const scheme = SCHEMES.find(({ name }) => name === 'a version label and a status');
  const { origin } = await serve((_, response) =>
    response.end(
      scheme ? pageOf(scheme, { answered: 5, failed: 1, slow: 0 }, { answered: 0, failed: 0, slow: 0 }) : '',
    ),
  );
  const { out, exitCode } = await bluegreen(['metrics', 'inspect', '--url', `${origin}/metrics`, '--for', '1']).ended;
  expect(exitCode).toBe(EXIT.ok);
  expect(out).toContain('# code holds HTTP statuses: 200, 503.\n# version holds the version: 2.4.0, 2.5.0.\n');
  expect(out).toContain('  latency: http_request_duration_seconds\n');
});

test.each([
  [['metrics', 'inspect'], EXIT.usage, 'Say what to read, with --runbook FILE or --url URL.'],
  [['metrics', 'inspect', '--url', 'http://127.0.0.1:1/metrics'], EXIT.unreachable, 'The metrics cannot be read: '],
  [['metrics', 'inspect', '--url', 'nowhere'], EXIT.usage, 'expected an http or https URL'],
  [['metrics', 'presets', '--show', 'nope'], EXIT.usage, 'There is no preset "nope", expected one of istio, '],
])('%j is refused in words', async (words, code, message) => {
  const { exitCode, err } = await bluegreen(words).ended;
  expect(err).toContain(message);
  expect(exitCode).toBe(code);
});

test('metrics presets lists each preset, and shows the keys of one', async () => {
  const { out } = await bluegreen(['metrics', 'presets']).ended;
  for (const name of Object.keys(PRESETS) as PresetName[]) expect(out).toContain(`${name} `);
  const { out: shown } = await bluegreen(['metrics', 'presets', '--show', 'istio']).ended;
  expect(shown).toContain('#   requests: istio_requests_total\n');
  expect(shown).toContain('# Add: selector\n');
});
