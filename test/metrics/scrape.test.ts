import type { RequestListener } from 'node:http';
import { expect, test } from '@jest/globals';
import { Counter, Histogram, Registry } from 'prom-client';
import { freshCounts, mergeReadings } from '../../src/plugin/counters.ts';
import { useServers } from '../support/http.ts';
import { createScrape } from './support/counters.ts';

const startServer = useServers();
const serve = async (listener: RequestListener) => `${(await startServer(listener)).origin}/metrics`;
const servePage = (page: () => string) => serve((_, response) => response.end(page()));

/** A router's metrics by the library that routers use. */
function router(buckets = [0.1, 0.5, 1]) {
  const registers = [new Registry()];
  const labelNames = ['version', 'code'];
  const requests = new Counter({ name: 'http_requests_total', help: 'r', labelNames, registers });
  const latency = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'l',
    labelNames: ['version'],
    buckets,
    registers,
  });
  return {
    url: () => serve((_, response) => void registers[0]?.metrics().then((text) => response.end(text))),
    answer(version: string, code: number, seconds: number, times = 1) {
      for (let i = 0; i < times; i += 1) {
        requests.inc({ version, code });
        latency.observe({ version }, seconds);
      }
    },
  };
}

function source(targets: string[], { underMs = 500, notices = [] as string[] } = {}) {
  return createScrape(
    {
      kind: 'scrape',
      targets,
      requests: 'http_requests_total',
      latency: 'http_request_duration_seconds',
      versionLabel: 'version',
      codeLabel: 'code',
      versionValue: '{version}',
      failed: 'status',
      poll: 5_000,
    },
    { errorRate: 0.05, latency: { quantile: 0.95, underMs } },
    { env: {}, notice: (text) => notices.push(text) },
  );
}
const signal = new AbortController().signal;

test('a page becomes cumulative counters by version', async () => {
  const { answer, url } = router();
  answer('2.4.0', 200, 0.02, 3);
  answer('2.5.0', 200, 0.5, 2);
  answer('2.5.0', 503, 0.7);
  answer('2.5.0', 404, 0.02);
  const before = Date.now();
  const { at, series } = await source([await url()]).read(signal);
  expect(at).toBeGreaterThanOrEqual(before);
  const common = { slowOver: 0.5, seconds: expect.closeTo(0.06) };
  expect(series).toEqual({
    '0/2.4.0': { ...common, version: '2.4.0', requests: 3, failed: 0, slow: 0, timed: 3 },
    '0/2.5.0': {
      ...common,
      version: '2.5.0',
      requests: 4,
      failed: 1,
      slow: 1,
      timed: 4,
      seconds: expect.closeTo(1.72),
    },
  });
});

test('all targets count together', async () => {
  const [one, two] = [router(), router()];
  const watched = source([await one.url(), await two.url()]);
  const before = await watched.read(signal);
  expect(before.series).toEqual({});
  one.answer('2.5.0', 200, 0.02, 3);
  two.answer('2.5.0', 500, 0.02, 2);
  expect(freshCounts(before, await watched.read(signal))['2.5.0']).toMatchObject({ requests: 5, failed: 2 });
});

test('a restart between two polls loses nothing that can be known', async () => {
  let start = 1_000;
  let count = 10;
  const url = await servePage(
    () =>
      `process_start_time_seconds ${start}\n# TYPE http_request_duration_seconds histogram\nhttp_requests_total{version="2.5.0",code="500"} ${count}\n`,
  );
  const watched = source([url]);
  const before = await watched.read(signal);
  expect(before.series['0/2.5.0']).toMatchObject({ startedAt: 1_000_000 });
  [start, count] = [2_000, 25];
  expect(freshCounts(before, await watched.read(signal))['2.5.0']).toMatchObject({ requests: 25, failed: 25 });
});

test('polls that fail in between lose nothing', async () => {
  const { answer, url } = router();
  const inner = await url();
  let broken = false;
  const proxy = await serve((_, response) => {
    if (broken) response.writeHead(503).end();
    else void fetch(inner).then(async (page) => response.end(await page.text()));
  });
  const watched = source([proxy]);
  answer('2.5.0', 200, 0.02, 5);
  let carry = mergeReadings(null, await watched.read(signal));
  broken = true;
  answer('2.5.0', 500, 0.02, 4);
  await expect(watched.read(signal)).rejects.toThrow('metrics target 1 of 1: answered with HTTP status 503');
  broken = false;
  answer('2.5.0', 200, 0.02, 2);
  const now = await watched.read(signal);
  expect(freshCounts(carry, now)['2.5.0']).toMatchObject({ requests: 6, failed: 4 });
  carry = mergeReadings(carry, now);
  expect(freshCounts(carry, await watched.read(signal))['2.5.0']).toMatchObject({ requests: 0 });
});

test('a limit between two buckets rounds down, and is said once', async () => {
  const { answer, url } = router();
  answer('2.5.0', 200, 0.2);
  const notices: string[] = [];
  const watched = source([await url()], { underMs: 300, notices });
  await watched.read(signal);
  expect((await watched.read(signal)).series['0/2.5.0']).toMatchObject({ slow: 1 });
  expect(notices).toEqual([expect.stringContaining('has no bucket that ends at 0.3 s: slow means over 0.1 s instead')]);
});

test('a bucket that ends at the limit is found by its number, not its digits', async () => {
  const { answer, url } = router([0.1 + 0.2]);
  answer('2.5.0', 200, 0.2);
  const notices: string[] = [];
  expect((await source([await url()], { underMs: 300, notices }).read(signal)).series['0/2.5.0']).toMatchObject({
    slow: 0,
  });
  expect(notices).toEqual([]);
});

const histogram =
  'http_request_duration_seconds_bucket{version="2.5.0",le="0.5"} 1\nhttp_request_duration_seconds_bucket{version="2.5.0",le="+Inf"} 1\nhttp_request_duration_seconds_sum{version="2.5.0"} 1\n';
const requests = (labels: string, value = '1') => `http_requests_total{${labels}} ${value}\n`;
const good = requests('version="2.5.0",code="200"');

test.each<[string, RequestListener, string]>([
  ['an error status', (_, response) => response.writeHead(503).end(), 'answered with HTTP status 503'],
  ['silence', () => {}, 'no answer within 2.5 s'],
  ['a page that stops', (_, response) => void response.write(good), 'no answer within 2.5 s'],
  ['a broken connection', (request) => request.socket.destroy(), 'the connection failed ('],
  [
    'a page torn by its connection',
    (request, response) => void response.write(good, () => request.socket.destroy()),
    'the connection failed (',
  ],
  [
    'a torn page',
    (_, response) => response.end(`${good}http_requests_total{version="2.5.0",code="500"} 1`),
    'its last line is torn',
  ],
  ['something else', (_, response) => response.end('<html>\n'), "line 1 is not in Prometheus' text format"],
  ['an empty page', (_, response) => response.end(), 'metric http_requests_total is not on its page'],
  ['a page that never ends', (_, response) => endless(response), 'its page is larger than 10 MB'],
  ['no counter', (_, response) => response.end(histogram), 'metric http_requests_total is not on its page'],
  ['no histogram', (_, response) => response.end(good), 'metric http_request_duration_seconds_sum is not on its page'],
  [
    'no version',
    (_, response) => response.end(requests('code="200"') + histogram),
    'metric http_requests_total has no label "version"',
  ],
  [
    'no code',
    (_, response) => response.end(requests('version="2.5.0"') + histogram),
    'metric http_requests_total has no label "code"',
  ],
  [
    'NaN',
    (_, response) => response.end(requests('version="2.5.0",code="200"', 'NaN')),
    'has the value NaN, expected a count',
  ],
  [
    'a negative count',
    (_, response) => response.end(requests('version="2.5.0",code="200"', '-1')),
    'has the value -1, expected a count',
  ],
  [
    'an infinite count',
    (_, response) => response.end(requests('version="2.5.0",code="200"', '+Inf')),
    'has the value Infinity',
  ],
  [
    'no last bucket',
    (_, response) => response.end(good + histogram.replace('le="+Inf"', 'le="9"')),
    'has no le="+Inf" bucket',
  ],
])('%s is no reading: the target goes by its number, and can be tried again', async (_name, listener, problem) => {
  const fine = router();
  const urls = [await fine.url(), await serve(listener)];
  const read = (): Promise<Error> =>
    source(urls)
      .read(signal)
      .then(
        () => Promise.reject(new Error('it was read')),
        (error) => error,
      );
  let failure = await read();
  // A busy machine does not get through an endless page in the time that a page has.
  while (failure.message.includes('no answer within') && !problem.includes('no answer')) failure = await read();
  expect(failure).toMatchObject({ type: 'MetricsUnavailable', nonRetryable: false });
  expect(failure.message).toContain(`metrics target 2 of 2: `);
  expect(failure.message).toContain(problem);
  expect(failure.message).not.toMatch(/http:|127\.0/);
});

test('only buckets over the limit are no reading', async () => {
  const url = await servePage(() => good + histogram.replace('le="0.5"', 'le="0.6"'));
  await expect(source([url]).read(signal)).rejects.toMatchObject({
    type: 'MetricsUnavailable',
    message: expect.stringContaining('has no bucket at or below the latency limit of 0.5 s: its buckets end at 0.6 s'),
  });
});

function endless(response: {
  write(chunk: string): boolean;
  once(event: 'drain', more: () => void): unknown;
  destroyed: boolean;
}) {
  const chunk = '# padding\n'.repeat(10_000);
  const more = () => {
    while (!response.destroyed && response.write(chunk)) {
      // until the connection is full
    }
    if (!response.destroyed) response.once('drain', more);
  };
  more();
}

test('a target that is down and one that answers nonsense are both named', async () => {
  const down = await startServer(() => {});
  await down.close();
  const failing = source([`${down.origin}/metrics`, await servePage(() => 'nonsense\n')]).read(signal);
  await expect(failing).rejects.toThrow(
    "metrics target 1 of 2: the connection was refused; metrics target 2 of 2: line 1 is not in Prometheus' text format",
  );
});

test('a version without a single latency yet has no slow requests', async () => {
  const url = await servePage(() => requests('version="2.6.0",code="200"') + good + histogram);
  expect((await source([url]).read(signal)).series['0/2.6.0']).toMatchObject({ requests: 1, slow: 0 });
});

test("a router's requests without a version do not count", async () => {
  const url = await servePage(() => requests('code="404"') + good + histogram);
  expect(Object.keys((await source([url]).read(signal)).series)).toEqual(['0/2.5.0']);
});

test('versions named like the insides of JavaScript are versions', async () => {
  const page = '# TYPE http_request_duration_seconds histogram\n';
  const watched = source([await servePage(() => page + requests('version="__proto__",code="200"') + good)]);
  const reading = await watched.read(signal);
  expect(Object.keys(freshCounts({ at: 0, series: {} }, reading))).toEqual(['__proto__', '2.5.0']);
});

test('a reading that is called off rejects with the reason', async () => {
  const controller = new AbortController();
  const arrived = new Promise<void>((resolve) => void serve(() => resolve()).then((url) => reading(url)));
  let settled: Promise<void> | undefined;
  function reading(url: string) {
    settled = expect(source([url]).read(controller.signal)).rejects.toThrow('called off');
  }
  await arrived;
  controller.abort(new Error('called off'));
  await settled;
});
