import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { formatHistory } from '../../src/backtest/history-file.ts';
import { binomial } from '../../src/backtest/random.ts';
import { runBacktest } from '../../src/backtest/rehearse.ts';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { percent } from '../../src/cli/view/rehearsal-format.ts';
import { rehearsalPage } from '../../src/cli/view/rehearsal-html.ts';
import { independent, pastOf, step } from '../backtest/support.ts';
import { GUIDE_FILE, guide, guideWith } from '../runbook/support.ts';
import { describeWithPrometheus, startPrometheus } from '../support/prometheus.ts';
import { useCommandLine } from './command-line.ts';

const bluegreen = useCommandLine();
/** Nothing of this needs Temporal. */
const NO_TEMPORAL = { TEMPORAL_ADDRESS: '127.0.0.1:9', TZ: 'UTC' };
const THURSDAY = Date.UTC(2026, 9, 1);

let folder = '';
const file = (name: string) => join(folder, name);
/** With the limits at their word, which is quick; what another rule makes of them is the judge's own matter. */
const run = (...words: string[]) =>
  bluegreen(['rehearse', '--service', 'recommendation', '--runbook', file('guide.yaml'), ...words], NO_TEMPORAL).ended;

/** A rehearsal that takes a while says how far it is. */
const withoutProgress = (err: string): string => err.replace(/^Rehearsing: \d+ %\n/gm, '');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bluegreen-rehearse-'));
  await writeFile(
    file('guide.yaml'),
    guideWith(['judge: { rule: sequential, burstTolerance: 5s,', 'judge: { rule: threshold, batch: 20s,']),
  );
  // Two days, with an incident of ten minutes on Friday at noon.
  const isIncident = (index: number) => index >= 6 * 60 * 36 && index < 6 * 60 * 36 + 60;
  const failed = (random: () => number, index: number) => binomial(200, isIncident(index) ? 0.3 : 0.002, random);
  const intervals = pastOf(2 * 24 * 360, { failed }).map((one) => ({
    ...one,
    from: one.from + THURSDAY,
    to: one.to + THURSDAY,
  }));
  await writeFile(file('past.jsonl'), formatHistory({ intervals, notices: [] }));
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

test('says in sentences what healthy and bad releases would have met, in 80 columns', async () => {
  const { exitCode, out, err } = await run(
    '--from-file',
    file('past.jsonl'),
    '--rounds',
    '5',
    '--html',
    file('page.html'),
  );
  expect(withoutProgress(err)).toBe('');
  expect(exitCode).toBe(EXIT.ok);
  const text = out.replace(/\n +/g, ' ');
  expect(text).toContain('REHEARSAL  recommendation in production');
  expect(text).toMatch(
    /Of 1,440 rehearsed healthy releases 5 would have been rolled back \(0.35 %, at most \d\.?\d* %\)/,
  );
  expect(text).toContain('5 for a breach, 0 for want of proof after 30 m.');
  expect(text).toContain('For 5 of these the past itself would have been, too: an incident, or limits too tight.');
  expect(text).toMatch(/2026-10-02 12:00:00 {2}100 % rolled back: green failed \d+ of/);
  expect(text).toMatch(/In 10 m a release that fails 10 % more is found in 100 % of the cases, half of them within/);
  expect(text).toMatch(
    /The past itself was over the limit of 5 % failed in 0.35 % of its intervals .* for 10 m at the longest/,
  );
  expect(text).toMatch(
    /Failures look independent of each other but for a few moments: neighbouring intervals differ 1\.\d times/,
  );
  expect(out.match(/^ {2}Fri {2}(. ){12}\d/m)).not.toBeNull();
  for (const line of out.split('\n')) expect(Array.from(line).length).toBeLessThanOrEqual(80);

  const page = await readFile(file('page.html'), 'utf8');
  expect(page).toContain('Of 1,440 rehearsed healthy releases 5 would have been rolled back');
  expect(page.match(/<svg/g)).toHaveLength(6);
  expect(page).toContain('prefers-color-scheme: dark');
  expect(page).not.toMatch(/https?:|<script|<link|@import|url\(|NaN|undefined/);
});

test('prints the same as JSON, and the same again for the same seed', async () => {
  const words = ['--from-file', file('past.jsonl'), '--rounds', '2', '--json', '--to-file', file('kept.jsonl')];
  const [first, again] = await Promise.all([run(...words), run(...words.slice(0, 5))]);
  expect(first.exitCode).toBe(EXIT.ok);
  expect(again.out).toBe(first.out);
  const found = JSON.parse(first.out);
  expect(found).toMatchObject({
    service: 'recommendation',
    environment: 'production',
    seed: 1,
    step: { share: 0.5, soakMs: 600_000, maxSoakMs: 1_800_000, rules: { rule: 'threshold' } },
    past: { from: THURSDAY, intervals: 17_280, intervalMs: 10_000, soaks: 288, gaps: 0 },
    healthy: { releases: 576, rounds: 2, rolledBack: { hits: 2, trials: 576 }, rolledBackLikePast: 2 },
  });
  expect(found.regressions.map(({ added }: { added: number }) => added)).toEqual([0.01, 0.02, 0.05, 0.1, 0.2]);
  expect(await readFile(file('kept.jsonl'), 'utf8')).toBe(await readFile(file('past.jsonl'), 'utf8'));
});

test('rehearses with the rule of the runbook, whichever it is', async () => {
  const intervals = pastOf(1_000, { failed: independent(0.002) });
  await writeFile(file('quiet.jsonl'), formatHistory({ intervals, notices: [] }));
  const { out, exitCode } = await bluegreen(
    ['rehearse', '--service', 'recommendation', '--from-file', file('quiet.jsonl'), '--rounds', '2', '--json'],
    NO_TEMPORAL,
  ).ended;
  expect(exitCode).toBe(EXIT.ok);
  const { step: rehearsed, healthy, regressions } = JSON.parse(out);
  expect(rehearsed.rules).toMatchObject({ rule: guide().judge.rule, limits: { errorRate: 0.05 } });
  expect(healthy).toMatchObject({ releases: 32, breached: { hits: 0 } });
  expect(regressions.at(-1)).toMatchObject({ added: 0.2, foundInSoak: { rate: 1 }, passed: { hits: 0 } });
});

describeWithPrometheus('a Prometheus that scrapes the service', () => {
  test('is asked for the past, and says what is missing', async () => {
    const startedAt = Date.now();
    const page = createHttpServer((_request, response) => {
      const served = Math.floor((Date.now() - startedAt) / 10);
      response.end(
        `http_requests_total{version="1",code="200"} ${served}\n` +
          `http_request_duration_seconds_bucket{version="1",le="0.5"} ${served}\n` +
          `http_request_duration_seconds_bucket{version="1",le="+Inf"} ${served}\n` +
          `http_request_duration_seconds_count{version="1"} ${served}\n`,
      );
    });
    const prometheus = await startPrometheus({ targets: [{ address: new URL(await addressOf(page)).host }] });
    try {
      const seconds = guideWith(
        [
          'judge: { rule: sequential, burstTolerance: 5s, minRequests: 50',
          'judge: { rule: threshold, batch: 1s, minRequests: 20',
        ],
        ['soak: 10m', 'soak: 2s'],
      );
      await writeFile(file('seconds.yaml'), seconds);
      await samples(prometheus.url, 7); // the first scrape comes seconds after the start
      const words = ['--runbook', file('seconds.yaml'), '--prometheus', prometheus.url, '--last', '1m', '--step', '1s'];
      const [found, none] = await Promise.all([
        run(...words, '--selector', 'job="test"', '--json'),
        run(...words, '--selector', 'job="other"'),
      ]);
      expect(withoutProgress(found.err)).toBe('');
      const { past, healthy } = JSON.parse(found.out);
      expect(past.intervalMs).toBe(1_000);
      expect(past.soaks).toBeGreaterThanOrEqual(2);
      expect(Math.abs(past.requestsPerSecond.p50 - 100)).toBeLessThan(40);
      expect(healthy.breached.hits).toBe(0);
      expect(none.err).toMatch(/^Prometheus has no series http_requests_total\{job="other"\} in this time/);
      expect(none.exitCode).toBe(EXIT.usage);
    } finally {
      await prometheus.stop();
      page.closeAllConnections();
      page.close();
    }
  });
});

describe('bad input is said in words', () => {
  test.each<[string, readonly string[], RegExp]>([
    ['a length', ['--last', '7 days'], /Expected a length such as 15s, 30m, 12h or 7d/],
    ['a number', ['--rounds', '0'], /Expected a whole number from 1 to 999999/],
    ['no past at all', [], /metrics have no history. Add --prometheus URL/],
    ['no such file', ['--from-file', '/no/such/file'], /^\/no\/such\/file: cannot be read \(ENOENT\)/],
    ['a file of something else', ['--from-file', GUIDE_FILE], /recommendation\.yaml:1: found no JSON, expected \{"t"/],
    [
      'another environment',
      ['--environment', 'staging'],
      /is the runbook of recommendation in production, not of recommendation in staging/,
    ],
  ])('%s', async (_, words, why) => {
    const { exitCode, out, err } = await run(...words);
    expect(err).toMatch(why);
    expect(out).toBe('');
    expect(exitCode).toBe(EXIT.usage);
  });

  test('a past shorter than one soak, a page that cannot be written, a service without a runbook, a broken one', async () => {
    await writeFile(
      file('short.jsonl'),
      formatHistory({ intervals: pastOf(30, { failed: independent(0) }), notices: [] }),
    );
    await writeFile(file('broken.yaml'), guideWith(['errorRate: 5%', 'errorRates: 5%']));
    const env = { ...NO_TEMPORAL, BLUEGREEN_RUNBOOKS: folder };
    const said = await Promise.all([
      run('--from-file', file('short.jsonl')),
      run('--from-file', file('past.jsonl'), '--rounds', '1', '--html', '/no/such/folder/page.html'),
      bluegreen(['rehearse', '--service', 'shop'], env).ended,
    ]);
    expect(said.map(({ exitCode }) => exitCode)).toEqual([EXIT.usage, EXIT.usage, EXIT.usage]);
    expect(said[0]?.err).toMatch(/^The past is too short: its longest stretch without a gap is 5 minutes/);
    expect(said[1]?.err).toContain('/no/such/folder/page.html: cannot be written (ENOENT)');
    expect(said[2]?.err).toMatch(
      /^There is no runbook for shop in production in .*\nSome are broken:\n.*did you mean "errorRate"\?/s,
    );
  });

  test('a Prometheus that is not there is unreachable', async () => {
    const { exitCode, err } = await run('--prometheus', await freeAddress(), '--selector', 'job="shop"');
    expect(err).toBe('The history cannot be read: Prometheus: the connection was refused.\n');
    expect(exitCode).toBe(EXIT.unreachable);
  });
});

/** Until Prometheus has so many of the counter. */
async function samples(url: string, count: number): Promise<void> {
  const query = encodeURIComponent(`count_over_time(http_requests_total[1m]) >= ${count}`);
  for (let round = 0; round < 300; round += 1) {
    const answer = await fetch(`${url}/api/v1/query?query=${query}`);
    if ((await answer.text()).includes('"value"')) return;
    await delay(100);
  }
  throw new Error(`Prometheus never had ${count} samples`);
}

/** Where nobody listens. */
async function freeAddress(): Promise<string> {
  const server = createServer();
  const address = await addressOf(server);
  server.close();
  await once(server, 'close');
  return address;
}

async function addressOf(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  return `http://127.0.0.1:${address.port}`;
}

test('what others wrote cannot become part of the page', () => {
  const rehearsal = runBacktest(
    { intervals: pastOf(200, { failed: independent(0.1) }), notices: ['<script>'] },
    { step, rounds: 1, seed: 1 },
  );
  const page = rehearsalPage({ service: '<b>', environment: '"&' }, rehearsal);
  expect(page).not.toMatch(/<script>|<b>/);
  expect(page).toContain('Rehearsal: &lt;b&gt; in &quot;&amp;');
});

test('percentages have two digits, and only all of it is 100 %', () => {
  expect([0, 0.00012, 0.003, 0.123, 0.994, 0.99999, 1].map(percent)).toEqual([
    '0 %',
    '0.012 %',
    '0.3 %',
    '12 %',
    '99.4 %',
    '99.9 %',
    '100 %',
  ]);
});
