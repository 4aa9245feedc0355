import { mkdtempSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import type { Limits } from '../../src/judge/rules.ts';
import { parseRunbook } from '../../src/runbook/load.ts';
import { guideWith } from '../runbook/support.ts';
import { format, registry } from '../support/registry.ts';

const folder = mkdtempSync(join(tmpdir(), 'bluegreen-command-metrics-'));
afterAll(() => rm(folder, { recursive: true, force: true }));
const asked = join(folder, 'asked');
const { signal } = new AbortController();

const target = {
  deployment: 'w/r',
  service: 'shop',
  environment: 'production',
  blue: '2.4.0',
  green: '2.5.0',
  digest: 'd',
};

function source(script: string, more: object = {}, limits: Limits = { errorRate: 0.05 }) {
  const config = {
    kind: 'command',
    poll: 1_000,
    timeout: 30_000,
    counts: 'interval',
    command: ['/bin/sh', '-c', script, 'sh', '{service}', '{environment}', '{from}', '{to}'],
    ...more,
  };
  return registry.metrics(config, {
    target,
    env: {},
    log: { info() {}, warn() {}, error() {} },
    limits,
    compared: target,
  });
}
const prints = (printed: string) => `echo "$3 $4" >> '${asked}'; echo '${printed}'`;

test('a gap is asked for in pieces of whole seconds, each second once', async () => {
  const { read } = source(prints('{"2.4.0": {"requests": 10, "failed": 1}}'));
  await rm(asked, { force: true });
  const from = Math.floor(Date.now() / 1_000) * 1_000 - 60_000;
  const { cursor, intervals } = await read({ at: from }, signal);
  expect(intervals).toHaveLength(10);
  expect(intervals[0]).toEqual({
    from,
    to: expect.any(Number),
    counts: { '2.4.0': { requests: 10, failed: 1, slow: 0, seconds: 0 } },
  });
  const asks = (await readFile(asked, 'utf8')).trim().split('\n');
  expect(asks).toEqual(intervals.map((one) => `${one.from / 1_000} ${one.to / 1_000}`));
  expect(intervals.map((one) => one.from)).toEqual([from, ...intervals.slice(0, -1).map((one) => one.to)]);
  expect(cursor.at).toBe(intervals.at(-1)?.to);
  const next = await read(cursor, signal);
  const secondsSince = (next.cursor.at - cursor.at) / 1_000;
  expect(next.intervals.length).toBeLessThanOrEqual(secondsSince);
  expect(next.intervals[0]?.from ?? cursor.at).toBe(cursor.at);
});

test('late data are asked for when they are there', async () => {
  const { read } = source(prints('{}'), { delay: 30_000 });
  const { cursor } = await read(null, signal);
  expect(Date.now() - cursor.at).toBeGreaterThanOrEqual(30_000);
  expect(Date.now() - cursor.at).toBeLessThan(60_000);
});

test.each([
  ['fails', 'echo "no route to http://inner/" >&2; exit 4', /failed with exit code 4: no route to \[url\]$/],
  ['prints nothing', 'exit 0', /printed nothing, expected JSON such as/],
  ['prints text', 'echo hello', /printed "hello", expected JSON such as/],
  ['prints a negative count', prints('{"2.4.0": {"requests": -1, "failed": 0}}'), /\(at 2\.4\.0\.requests: /],
  ['misspells a key', prints('{"2.4.0": {"requests": 1, "fails": 0}}'), /\(at 2\.4\.0/],
])('a program that %s is an error in words, which can be tried again', async (_what, script, words) => {
  for (const since of [null, { at: Date.now() - 5_000 }])
    await expect(source(script).read(since, signal)).rejects.toMatchObject({
      type: 'MetricsUnavailable',
      nonRetryable: false,
      message: expect.stringMatching(words),
    });
});

test('before a shift it is found where the program does not know blue', async () => {
  const problems = async (printed: string) => (await source(prints(printed)).inspect?.(null, signal))?.problems;
  expect(await problems('{"2.4.0": {"requests": 1, "failed": 0}}')).toEqual([]);
  expect(await problems('{"v2.4.0": {"requests": 1, "failed": 0}}')).toMatchObject([
    { found: 'the program for the metrics printed v2.4.0 for the last hour; none of them is 2.4.0' },
  ]);
  expect(await problems('{}')).toMatchObject([{ found: expect.stringContaining('printed no version') }]);
});

test('what is not printed is not taken for 0: with a latency limit, slow requests are', async () => {
  const limits = { errorRate: 0.05, latency: { quantile: 0.95, underMs: 500 } };
  const since = { at: Date.now() - 5_000 };
  const read = (printed: string) => source(prints(printed), {}, limits).read(since, signal);
  await expect(read('{"2.4.0": {"requests": 9, "failed": 1}}')).rejects.toMatchObject({
    type: 'MetricsUnavailable',
    message: expect.stringContaining('printed no "slow" for 2.4.0, expected the number of requests over 500 ms'),
  });
  const { intervals } = await read(
    '{"2.4.0": {"requests": 9, "failed": 1, "slow": 2}, "2.5.0": {"requests": 0, "failed": 0}}',
  );
  expect(intervals[0]?.counts['2.4.0']).toMatchObject({ slow: 2 });
});

test('a runbook says how late the data are, in proportion to how often they are read', () => {
  const withDelay = (delay: string) => () =>
    parseRunbook(
      guideWith(
        ['kind: scrape', 'kind: command'],
        ['  targets: ["http://127.0.0.1:18080/metrics"]\n', `  command: [counts]\n  delay: ${delay}\n`],
        ['  requests: http_requests_total # a counter, by version and code\n', ''],
        ['  latency: http_request_duration_seconds # a histogram, by version\n', ''],
      ),
      { file: 'x.yaml', format },
    );
  expect(withDelay('10s')).not.toThrow();
  expect(withDelay('11s')).toThrow(/metrics\.delay: found "11s", expected at most twice the poll/);
});
