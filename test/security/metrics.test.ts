import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import type { MetricCursor } from '../../src/domain/metric-cursor.ts';
import { parsePrometheusText } from '../../src/prometheus/text-format.ts';
import { cpuMs } from '../support/cpu.ts';
import { useServers } from '../support/http.ts';
import { PATIENCE_MS } from '../support/patience.ts';
import { registry } from '../support/registry.ts';

const serve = useServers();
const MB = 1_048_576;
const LIMITS = { errorRate: 0.05 };
const METRIC = 'http_requests_total';
const TYPE = `# TYPE ${METRIC} counter\n`;
const line = (version: string, value: number | string = 1) => `${METRIC}{version="${version}",code="200"} ${value}\n`;
const lines = (count: number, one: (number: number) => string) =>
  Array.from({ length: count }, (_, n) => one(n)).join('');

function source(url: string) {
  const config = {
    kind: 'scrape',
    targets: [url],
    requests: METRIC,
    versionLabel: 'version',
    codeLabel: 'code',
    versionValue: '{version}',
    failed: 'status',
  };
  return registry.metrics(
    { ...config, poll: 1_000 },
    {
      target: { deployment: '', service: 'shop', environment: 'production', blue: '', green: '', digest: '' },
      env: {},
      log: { info() {}, warn() {}, error() {} },
      limits: LIMITS,
    },
  );
}

/** What is said of a page: without the page's address, in few words, and with little work, the server's included. */
async function refusal(listener: Parameters<typeof serve>[0]): Promise<string> {
  const server = await serve(listener);
  const before = cpuMs();
  const error = await source(`${server.origin}/metrics`)
    .read(null, AbortSignal.timeout(PATIENCE_MS))
    .then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
  expect(cpuMs() - before).toBeLessThan(6_000);
  expect(error).toMatchObject({ type: 'MetricsUnavailable', nonRetryable: false });
  const { message } = error as Error;
  expect(message.length).toBeLessThan(400);
  expect(message).not.toContain('127.0.0.1');
  return message;
}

test.each<[string, () => string, string]>([
  ['more than 10 MB', () => line('1').repeat(300_000), 'its page is larger than 10 MB'],
  ['10 MB of the smallest values', () => `${METRIC} 1\n`.repeat(450_000), 'it has more than 100000 values'],
  ['100,000 other metrics and not the right one', () => lines(100_000, (n) => `m${n} 1\n`), 'is not on its page'],
  ['9 MB in one value', () => line('1', `${'1'.repeat(9 * MB)}x`), 'line 1 is longer than 64 KB'],
  ['60 KB of digits that are no number', () => line('1', `${'1'.repeat(60_000)}x`), 'line 1 is not in Prometheus'],
  ['9 MB in one label', () => line('\\"'.repeat(4 * MB)), 'line 1 is longer than 64 KB'],
  ['9 MB of blanks', () => line('1', `1${' '.repeat(9 * MB)}x`), 'line 1 is longer than 64 KB'],
  ['50,000 versions', () => TYPE + lines(50_000, (n) => line(`v${n}`)), 'the metrics have too many series to remember'],
  [
    'versions with long names',
    () => TYPE + lines(10, (n) => line(`${n}${'x'.repeat(60_000)}`)),
    'too many series to remember',
  ],
  ['NaN', () => line('1', 'NaN'), 'has the value NaN, expected a count'],
  ['a negative count', () => line('1', -1), 'has the value -1, expected a count'],
  ['infinity', () => line('1', '+Inf'), 'has the value Infinity, expected a count'],
  ['a number without end', () => line('1', '1e999'), 'has the value Infinity, expected a count'],
  ['a login page', () => '<!doctype html>\n<title>Log in</title>\n', "line 1 is not in Prometheus' text format"],
  ['a torn line', () => line('1').slice(0, -2), 'its last line is torn'],
  ['no version', () => `${METRIC}{code="200"} 1\n`, 'has no label "version"'],
])('a page is refused in words: %s', async (_what, page, why) => {
  expect(await refusal((_request, response) => response.end(page()))).toContain(why);
});

test('a page without end is left after 10 MB', async () => {
  let sent = 0;
  const chunk = line('1').repeat(20_000);
  const why = await refusal((_request, response) => {
    response.on('error', () => {});
    const more = (): void => {
      while (!response.destroyed && response.write(chunk)) sent += chunk.length;
    };
    response.on('drain', more);
    more();
  });
  expect(why).toContain('its page is larger than 10 MB');
  expect(sent).toBeLessThan(60 * MB);
});

test('a page that unpacks to a gigabyte is left after 10 MB', async () => {
  const part = gzipSync(Buffer.alloc(64 * MB, '#'));
  const packed = Buffer.concat(Array.from({ length: 16 }, () => part));
  expect(packed.length).toBeLessThan(2 * MB);
  const before = process.memoryUsage.rss();
  const why = await refusal((_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed);
  });
  expect(why).toContain('its page is larger than 10 MB');
  expect(process.memoryUsage.rss() - before).toBeLessThan(400 * MB);
});

test('a page that comes a byte at a time, or not at all, is left in the time of a poll', async () => {
  const drip = async (response: { destroyed: boolean; write: (text: string) => unknown }) => {
    while (!response.destroyed) {
      response.write('#');
      await delay(100);
    }
  };
  expect(await refusal((_request, response) => void drip(response))).toContain('no answer within 2.5 s');
  expect(await refusal(() => {})).toContain('no answer within 2.5 s');
});

test('a redirect is not followed: a page cannot send the worker to what it alone can reach', async () => {
  const inner = await serve((_request, response) => response.end(TYPE + line('1')));
  const why = await refusal((_request, response) => response.writeHead(302, { location: inner.origin }).end());
  expect(why).toContain('answered with HTTP status 302');
  expect(inner.asked).toEqual([]);
});

test('a version called like a built-in is a version like any other, also when it restarts', async () => {
  const page = (value: number) =>
    TYPE + ['__proto__', 'constructor', 'toString', '2.5.0'].map((v) => line(v, value)).join('');
  let value = 10;
  const { origin } = await serve((_request, response) => response.end(page(value)));
  const first = await source(origin).read(null, AbortSignal.timeout(5_000));
  value = 3;
  await delay(5); // a reading of the same millisecond would be the same reading
  const throughHistory = JSON.parse(JSON.stringify(first.cursor)) as MetricCursor;
  const { intervals } = await source(origin).read(throughHistory, AbortSignal.timeout(5_000));
  const [interval] = intervals;
  expect(Object.keys(interval?.restarted ?? {}).sort()).toEqual(['2.5.0', '__proto__', 'constructor', 'toString']);
  expect(interval?.counts['2.5.0']).toMatchObject({ requests: 3 });
  expect({}).not.toHaveProperty('requests');
});

test('what is not asked for costs next to nothing', () => {
  const page = 'a 1\n'.repeat((10 * MB) / 4);
  const before = cpuMs();
  expect(parsePrometheusText(page, (name) => name === METRIC)).toEqual({ samples: [], announced: new Set() });
  expect(cpuMs() - before).toBeLessThan(3_000);
});
