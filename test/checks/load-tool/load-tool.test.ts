import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readReport } from '../../../src/checks/load-tool/reports.ts';
import type { Finding } from '../../../src/plugin/observation.ts';
import { findProgram } from '../../../src/processes/index.ts';
import { useServers } from '../../support/http.ts';
import { contextFor } from '../support/context.ts';
import { CHECK, createCheck } from '../support/create.ts';

type Tool = 'k6' | 'vegeta' | 'locust';

/** Recorded from k6 1.8.1, Vegeta 12.13.0 and Locust 2.47.0, on a target of which some answers are a 503. */
const recorded = (name: string) => fileURLToPath(new URL(`reports/${name}.json`, import.meta.url));
const RECORDED: readonly [name: string, tool: Tool, numbers: object][] = [
  ['k6-summary-export', 'k6', { requests: 151, failed: 15, rate: 50.2, p50: 6.04, p95: 10.1, p99: 16 }],
  ['k6-handle-summary', 'k6', { requests: 151, failed: 15, rate: 50.2, p50: 6.06, p95: 14.6, p99: 81.8 }],
  ['k6-machine-readable', 'k6', { requests: 151, failed: 41, rate: undefined, p50: 6.38, p95: 55.9, p99: undefined }],
  ['vegeta', 'vegeta', { requests: 150, failed: 15, rate: 50.3, p50: 6.08, p95: 8.74, p99: 20 }],
  ['locust', 'locust', { requests: 65, failed: 6, rate: 48.5, p50: 27, p95: 210, p99: 260 }],
];

const rounded = (value: number | undefined) => (value === undefined ? undefined : Number(value.toPrecision(3)));
const roundedAll = (numbers: object) =>
  Object.fromEntries(Object.entries(numbers).map(([key, value]) => [key, rounded(value as number | undefined)]));

test.each(RECORDED)('the summary %s is read', async (name, tool, expected) => {
  const { requests, failed, rate, latencyMs } = readReport(tool, await readFile(recorded(name), 'utf8'));
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map(latencyMs);
  expect(roundedAll({ requests, failed, rate, p50, p95, p99 })).toEqual(roundedAll(expected));
});

test('calls of gRPC are counted by the checks of the script of k6', () => {
  const metrics = {
    grpc_req_duration: { med: 3, 'p(95)': 9 },
    iterations: { count: 100, rate: 10 },
    checks: { passes: 97, fails: 3 },
  };
  const report = readReport('k6', JSON.stringify({ metrics }));
  expect(report).toMatchObject({ requests: 100, failed: 3, rate: 10, checks: { all: 100, failed: 3 } });
  expect(report.latencyMs(0.95)).toBe(9);
  const { checks: _, ...unchecked } = metrics;
  expect(() => readReport('k6', JSON.stringify({ metrics: unchecked }))).toThrow(
    'has no check(), so that no gRPC call',
  );
});

test.each<[Tool, string, string]>([
  ['k6', 'running (0m01s)', 'found no JSON, expected the summary of k6 run --summary-export={report}'],
  ['vegeta', '{"a":1}', 'found other JSON, expected what vegeta report -type=json prints'],
  ['locust', '[]', 'found other JSON, expected what locust --headless --json prints'],
])('what %s does not write is refused: %s', (tool, text, message) => {
  expect(() => readReport(tool, text)).toThrow(message);
});

const run = (changes: object): Promise<Finding> =>
  createCheck(
    CHECK.parse({
      id: 'load',
      title: 'Load',
      group: 'Testing',
      kind: 'load-tool',
      limits: { errorRate: '15%', latency: { quantile: 0.95, under: '500ms' } },
      ...changes,
    }),
  )(contextFor());
const sh = (script: string) => ['/bin/sh', '-c', script];
const cat = (name: string) => ['cat', recorded(name)];

describe('load-tool', () => {
  test('passes within the limits, with the numbers of the tool', async () => {
    const finding = await run({ tool: 'vegeta', command: cat('vegeta'), requestsPerSecond: 50 });
    expect(finding).toEqual({
      passed: true,
      summary:
        'the target sustained the load of vegeta: 10 % of 150 requests failed, p50 6.08 ms, p90 7.2 ms, p95 8.74 ms, p99 20 ms',
      evidence: [
        { what: 'requests', measured: '150', required: 'at least 20', source: 'vegeta' },
        { what: 'failed', measured: '15 of 150 requests (10 %)', required: 'at most 15 %' },
        { what: 'latency of 95 % of the requests', measured: '8.74 ms', required: 'at most 500 ms' },
        {
          what: 'rate',
          measured: '50.3 requests a second',
          required: 'at least 47.5 requests a second, 95 % of 50 requests a second',
        },
        { what: 'latency', measured: 'p50 6.08 ms, p90 7.2 ms, p95 8.74 ms, p99 20 ms', source: 'vegeta' },
      ],
    });
  });

  test.each([
    ['too many failures', { limits: { errorRate: '5%' } }, /failed: 15 of 150 requests \(10 %\); the limit is 5 %/],
    [
      'slow answers',
      { limits: { errorRate: '15%', latency: { quantile: 0.99, under: '10ms' } } },
      /99 % of the requests took up to 20 ms; the limit is 10 ms/,
    ],
    ['a rate that was not reached', { requestsPerSecond: 100 }, /vegeta sent only 50\.3 requests a second/],
    [
      'a quantile that the tool does not tell',
      { limits: { errorRate: '15%', latency: { quantile: 0.8, under: '1s' } } },
      /the summary has no latency of 80 %/,
    ],
    [
      'too few requests',
      { command: ['echo', '{"latencies":{"95th":1},"requests":3,"rate":1,"success":1}'] },
      /sent 3 requests, which is too few/,
    ],
  ])('fails for %s', async (_name, changes, summary) => {
    const finding = await run({ tool: 'vegeta', command: cat('vegeta'), ...changes });
    expect(finding).toMatchObject({
      passed: false,
      summary: expect.stringMatching(summary),
      unblock: expect.any(String),
    });
  });

  test('reads the file {report}, and fails for a threshold of k6 that was crossed', async () => {
    const copy = (exit: number) => [
      '/bin/sh',
      '-c',
      `cp "$1" "$2"; exit ${exit}`,
      'sh',
      recorded('k6-summary-export'),
      '{report}',
    ];
    expect(await run({ tool: 'k6', command: copy(0) })).toMatchObject({ passed: true });
    expect(await run({ tool: 'k6', command: copy(99) })).toMatchObject({
      passed: false,
      summary: 'under the load of k6: a threshold of its script was crossed',
    });
  });

  test('takes no notice of Locust’s exit code 1 after a failed request', async () => {
    expect(await run({ tool: 'locust', command: sh(`cat ${recorded('locust')}; exit 1`) })).toMatchObject({
      passed: true,
    });
  });

  test.each([
    ['no program', ['no-such-load-tool'], /no-such-load-tool/],
    [
      'no summary',
      sh('echo cannot connect >&2; exit 3'),
      /ended with exit code 3, and its summary cannot be used: found no JSON/,
    ],
    ['no file', sh('echo "$0" >/dev/null; true {report}'), /the command did not write \{report\}/],
  ])('measures nothing with %s', async (_name, command, summary) => {
    const finding = await run({ tool: 'k6', command });
    expect(finding).toMatchObject({ passed: false, unmeasured: true, summary: expect.stringMatching(summary) });
  });
});

const serve = useServers();
const programs = Object.fromEntries(
  await Promise.all(
    ['k6', 'vegeta', 'locust'].map(async (name) => [name, await findProgram(name, process.env['PATH'])]),
  ),
) as Record<Tool, string | undefined>;
/** No Debian has them: what they wrote is recorded above. These tests exist only where somebody has installed the programs. */
const testWith = (tool: Tool) => (programs[tool] === undefined ? () => {} : test);
const describeWithAny = Object.values(programs).some(Boolean) ? describe : () => {};

describeWithAny('with the real programs', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bluegreen-tools-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const LENIENT = { limits: { errorRate: '40%', latency: { quantile: 0.5, under: '60s' } } };
  async function target() {
    let asked = 0;
    const server = await serve((_request, response) =>
      response.writeHead((asked += 1) % 5 === 0 ? 503 : 200).end('ok'),
    );
    return server.origin;
  }
  const failedOf = ({ evidence, summary }: Finding) =>
    evidence.find(({ what }) => what === 'failed')?.measured ?? summary;

  testWith('k6')(
    'k6',
    async () => {
      const script = join(folder, 'script.js');
      await writeFile(
        script,
        `import http from 'k6/http'; export const options = { vus: 2, iterations: 50 }; export default function () { http.get('${await target()}/'); }`,
      );
      const command = ['k6', 'run', '--quiet', '--summary-export={report}', script];
      expect(failedOf(await run({ tool: 'k6', command, ...LENIENT }))).toBe('10 of 50 requests (20 %)');
    },
    60_000,
  );

  testWith('vegeta')(
    'Vegeta',
    async () => {
      const attack = `echo "GET ${await target()}/" | vegeta attack -rate=25 -duration=2s | vegeta report -type=json`;
      expect(failedOf(await run({ tool: 'vegeta', command: sh(attack), ...LENIENT }))).toBe('10 of 50 requests (20 %)');
    },
    60_000,
  );

  testWith('locust')(
    'Locust',
    async () => {
      const file = join(folder, 'locustfile.py');
      await writeFile(
        file,
        'from locust import HttpUser, task\nclass Customer(HttpUser):\n    @task\n    def look(self):\n        self.client.get("/")\n',
      );
      const command = [
        'locust',
        '-f',
        file,
        '--headless',
        '-u',
        '2',
        '-t',
        '3s',
        '--host',
        await target(),
        '--json',
        '--only-summary',
      ];
      const [, failed, all] =
        /^(\d+) of (\d+) requests/.exec(failedOf(await run({ tool: 'locust', command, ...LENIENT }))) ?? [];
      expect(Number(failed)).toBe(Math.floor(Number(all) / 5));
    },
    60_000,
  );
});
