import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { Writer } from 'protobufjs/minimal.js';
import type { PrometheusCursor } from '../../src/metrics/prometheus/count.ts';
import type { MetricSource } from '../../src/plugin/metric-source.ts';
import { PATIENCE_MS } from '../support/patience.ts';
import {
  describeWithPrometheus,
  metricsOf,
  PAGE,
  startPrometheus,
  type TestPrometheus,
} from '../support/prometheus.ts';
import { createPrometheus } from './support/counters.ts';

const signal = new AbortController().signal;
const LIMITS = { errorRate: 0.05, latency: { quantile: 0.95, underMs: 500 } };
/** Of each test its own: Prometheus remembers those before. */
let service = '';
const configOf = (url: string) => metricsOf(url, 'service', service);
const sourceOf = (url: string) => createPrometheus(configOf(url), LIMITS, { env: {} });

interface Version {
  good: number;
  bad: number;
  slow: number;
}

/** A router that counts as it is told; `onScrape` may count on with each scrape. */
async function startTarget() {
  const versions = new Map<string, Version>();
  const target = { scrapes: 0, native: false, onScrape: (): void => {} };
  const server = createServer((_request, response) => {
    target.onScrape();
    target.scrapes += 1;
    if (!target.native) return void response.writeHead(200, PAGE).end(page(versions));
    response.writeHead(200, {
      'content-type': 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
    });
    response.end(protobufPage(versions));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(target, {
    server,
    address: addressOf(server),
    version(name: string): Version {
      const found = versions.get(name) ?? { good: 0, bad: 0, slow: 0 };
      versions.set(name, found);
      return found;
    },
    restart: () => versions.clear(),
  });
}

function addressOf(server: Server): string {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  return `127.0.0.1:${address.port}`;
}

function page(versions: ReadonlyMap<string, Version>): string {
  const lines = [...versions].flatMap(([version, { good, bad, slow }]) => [
    `http_requests_total{version="${version}",code="200"} ${good}`,
    ...(bad > 0 ? [`http_requests_total{version="${version}",code="503"} ${bad}`] : []),
    `http_request_duration_seconds_bucket{version="${version}",le="0.1"} 0`,
    `http_request_duration_seconds_bucket{version="${version}",le="0.5"} ${good + bad - slow}`,
    `http_request_duration_seconds_bucket{version="${version}",le="1"} ${good + bad}`,
    `http_request_duration_seconds_bucket{version="${version}",le="+Inf"} ${good + bad}`,
    `http_request_duration_seconds_sum{version="${version}"} ${(good + bad) / 4}`,
  ]);
  return ['process_start_time_seconds 1000', ...lines, ''].join('\n');
}

let prometheus: TestPrometheus;
let target: Awaited<ReturnType<typeof startTarget>>;

function scraping(...addresses: readonly string[]) {
  return prometheus.reload({ targets: addresses.map((address) => ({ address, labels: { service } })) });
}

/** Reads as the watch does, adding up what is fresh, until it is as wanted. */
function watching(source: Pick<MetricSource, 'read'>, from: PrometheusCursor | null = null) {
  let carry = from;
  const sums = new Map<string, { requests: number; failed: number; slow: number }>();
  const intervals: { from: number; to: number }[] = [];
  async function poll(): Promise<void> {
    const reading = await source.read(carry, signal);
    intervals.push(...reading.intervals);
    for (const { counts } of reading.intervals)
      for (const [version, { requests, failed, slow }] of Object.entries(counts)) {
        const sum = sums.get(version) ?? { requests: 0, failed: 0, slow: 0 };
        sums.set(version, {
          requests: sum.requests + requests,
          failed: sum.failed + failed,
          slow: sum.slow + slow,
        });
      }
    carry = JSON.parse(JSON.stringify(reading.cursor)) as PrometheusCursor;
  }
  return {
    sums: (version: string) => sums.get(version) ?? { requests: 0, failed: 0, slow: 0 },
    intervals,
    carry: () => carry,
    poll,
    async until(wanted: () => boolean, betweenMs = 100) {
      for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await delay(betweenMs)) {
        await poll().catch((error: unknown) => {
          if (carry !== null) throw error; // before the first scrape there is nothing to read
        });
        if (wanted()) return;
      }
      throw new Error(`it did not come: ${JSON.stringify([...sums])}, newest ${carry?.at}`);
    },
  };
}

/** One of a version's counters stood at so many requests when it was last counted. */
function standsAt(cursor: PrometheusCursor | null, version: string, requests: number): boolean {
  return Object.values(cursor?.versions[version]?.marks ?? {}).some(([, value]) => value === requests);
}

/** A watch that has its baseline, which holds what is counted so far. */
async function baseline(version = '2.4.0') {
  const source = sourceOf(prometheus.url);
  const watch = watching(source);
  await watch.until(() => standsAt(watch.carry(), version, target.version(version).good));
  return { source, watch };
}

describeWithPrometheus('a real Prometheus', () => {
  beforeAll(async () => {
    prometheus = await startPrometheus({}, { flags: ['--enable-feature=native-histograms'] });
  });
  afterAll(() => prometheus?.stop());
  beforeEach(async () => {
    service = `shop-${randomUUID()}`;
    target = await startTarget();
    target.version('2.4.0').good = 100;
    await scraping(target.address);
  });
  afterEach(() => {
    target.server.closeAllConnections();
    target.server.close();
  });

  test('the counts of all polls are exactly what the target counted, with each sample once', async () => {
    const { watch } = await baseline();
    const [blue, green] = [target.version('2.4.0'), target.version('2.5.0')];
    let left = 6;
    target.onScrape = () => {
      if (left === 0) return;
      left -= 1;
      blue.good += 13;
      green.good += 7;
      green.bad += left % 2;
      green.slow += 2;
    };
    // Much faster than the scrapes: most readings are the same again.
    await watch.until(() => left === 0 && watch.sums('2.4.0').requests === 6 * 13, 20);
    await watch.until(() => watch.sums('2.5.0').requests >= 45);
    expect(watch.sums('2.4.0')).toEqual({ requests: 78, failed: 0, slow: 0 });
    expect(watch.sums('2.5.0')).toEqual({ requests: 45, failed: 3, slow: 12 });
    expect(watch.intervals.length).toBeLessThanOrEqual(target.scrapes);
    for (const [index, { from }] of watch.intervals.entries())
      expect(from).toBe(watch.intervals[index - 1]?.to ?? from);
  });

  test('a version that is born at 7 counts 7; one that was there before counts what is new', async () => {
    const { watch } = await baseline();
    target.version('2.5.0').bad = 7;
    target.version('2.4.0').good += 5;
    await watch.until(() => watch.sums('2.5.0').requests > 0);
    expect([watch.sums('2.5.0'), watch.sums('2.4.0').requests]).toEqual([{ requests: 7, failed: 7, slow: 0 }, 5]);
  });

  test('a restart counts what came after it, and one within a gap of polls, too', async () => {
    const { watch } = await baseline();
    target.restart();
    target.version('2.4.0').good = 3;
    const seen = target.scrapes + 2;
    while (target.scrapes < seen) await delay(20); // scraped between two polls
    target.version('2.4.0').good = 250;
    await watch.until(() => watch.sums('2.4.0').requests >= 250);
    expect(watch.sums('2.4.0').requests).toBe(250); // 3, and 247 more: by the values alone it would be 150
  });

  test('while Prometheus is away nothing is read, and afterwards nothing is missing; nor with another worker', async () => {
    let away = false;
    const front = createServer((request, response) => {
      if (away) return void response.writeHead(503).end('Service Unavailable');
      void fetch(`${prometheus.url}${request.url}`).then(async (answer) => response.end(await answer.text()));
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    try {
      const first = watching(sourceOf(`http://${addressOf(front)}`));
      await first.until(() => standsAt(first.carry(), '2.4.0', 100));
      away = true;
      await expect(first.poll()).rejects.toMatchObject({
        type: 'MetricsUnavailable',
        nonRetryable: false,
        message: 'Prometheus: it is not ready, or too busy (HTTP status 503)',
      });
      target.version('2.4.0').good += 20;
      target.version('2.5.0').bad = 4;
      const seen = target.scrapes + 3;
      while (target.scrapes < seen) await delay(20);
      away = false;
      const second = watching(sourceOf(`http://${addressOf(front)}`), first.carry());
      await second.until(() => second.sums('2.5.0').requests > 0);
      expect([second.sums('2.4.0').requests, second.sums('2.5.0').failed]).toEqual([20, 4]);
    } finally {
      front.close();
      front.closeAllConnections();
    }
  });

  test('what Prometheus did not scrape for a while is counted when it does again', async () => {
    const { source, watch } = await baseline();
    await scraping();
    const before = watch.carry();
    target.version('2.4.0').good += 11;
    target.version('2.5.0').good = 2;
    expect(await source.read(before, signal)).toEqual({ cursor: before, intervals: [] }); // no news
    const resumed = target.scrapes;
    await scraping(target.address);
    await watch.until(() => watch.sums('2.5.0').requests > 0);
    expect(target.scrapes).toBeGreaterThan(resumed);
    expect([watch.sums('2.4.0').requests, watch.sums('2.5.0').requests]).toEqual([11, 2]);
  });

  test('several targets of one version count together, also one that joins', async () => {
    const { watch } = await baseline();
    const other = await startTarget();
    try {
      other.version('2.4.0').good = 9;
      await scraping(target.address, other.address);
      // Its process is old by what it says: what it counted before it was found is nobody's.
      await watch.until(() => Object.keys(watch.carry()?.versions['2.4.0']?.marks ?? {}).length === 6);
      target.version('2.4.0').good += 1;
      other.version('2.4.0').good += 2;
      await watch.until(() => watch.sums('2.4.0').requests >= 3);
      expect(watch.sums('2.4.0').requests).toBe(3);
    } finally {
      other.server.closeAllConnections();
      other.server.close();
    }
  });

  test('a native histogram says as much as a classic one', async () => {
    target.native = true;
    const source = sourceOf(prometheus.url);
    const watch = watching(source);
    await watch.until(() => standsAt(watch.carry(), '2.4.0', 100));
    Object.assign(target.version('2.5.0'), { good: 10, bad: 1, slow: 4 });
    await watch.until(() => watch.sums('2.5.0').requests > 0);
    expect(watch.sums('2.5.0')).toEqual({ requests: 11, failed: 1, slow: 4 });
    expect((await source.inspect(null, signal)).slowAbove).toContainEqual({ version: '2.5.0', seconds: 0.5 });
  });

  test.each(['classic', 'native'])(
    'above a limit of series, increase() counts about as much; %s histograms',
    async (kind) => {
      target.native = kind === 'native';
      const notices: string[] = [];
      const source = createPrometheus(configOf(prometheus.url), LIMITS, {
        env: {},
        mostSeries: 2,
        notice: (text) => notices.push(text),
      });
      const serving = ['2.4.0'];
      target.onScrape = () => {
        for (const version of serving.map((name) => target.version(name))) {
          version.good += 10;
          version.slow += 3;
        }
      };
      const watch = watching(source);
      await watch.until(() => watch.intervals.length >= 2);
      const [first, last] = [watch.intervals[0], watch.intervals.at(-1)];
      const scrapes = ((last?.to ?? 0) - (first?.from ?? 0)) / 1_000;
      expect(watch.sums('2.4.0').requests / (scrapes * 10)).toBeGreaterThan(0.5);
      expect(watch.sums('2.4.0').requests / (scrapes * 10)).toBeLessThan(1.5);
      serving.push('2.5.0'); // its buckets are as new as itself
      await watch.until(() => watch.sums('2.5.0').requests >= 50);
      for (const version of serving) {
        const { requests, failed, slow } = watch.sums(version);
        expect(failed).toBe(0);
        expect(slow / requests).toBeGreaterThan(0.2);
        expect(slow / requests).toBeLessThan(0.4);
      }
      expect(watch.carry()).toEqual({ at: expect.any(Number), versions: {}, approximate: true });
      expect(notices).toEqual([expect.stringContaining('counted approximately, by increase()')]);
    },
  );
});

/** The same counts in the format that alone can carry native histograms. Buckets end at powers of two. */
function protobufPage(versions: ReadonlyMap<string, Version>): Buffer {
  const label = (name: string, value: string) =>
    Writer.create().uint32(10).string(name).uint32(18).string(value).finish();
  const counters: Uint8Array[] = [];
  const histograms: Uint8Array[] = [];
  for (const [version, { good, bad, slow }] of versions) {
    for (const [code, value] of [
      ['200', good],
      ['503', bad],
    ] as const) {
      const metric = Writer.create().uint32(10).bytes(label('version', version)).uint32(10).bytes(label('code', code));
      counters.push(metric.uint32(26).bytes(Writer.create().uint32(9).double(value).finish()).finish());
    }
    const fast = good + bad - slow;
    const span = Writer.create().uint32(8).sint32(-1).uint32(16).uint32(2).finish(); // (0.25,0.5] and (0.5,1]
    const histogram = Writer.create()
      .uint32(8)
      .uint64(good + bad)
      .uint32(17)
      .double((good + bad) / 4);
    histogram.uint32(40).sint32(0).uint32(49).double(1e-9).uint32(56).uint64(0).uint32(98).bytes(span);
    histogram
      .uint32(104)
      .sint64(fast)
      .uint32(104)
      .sint64(slow - fast);
    const metric = Writer.create().uint32(10).bytes(label('version', version));
    histograms.push(metric.uint32(58).bytes(histogram.finish()).finish());
  }
  const family = (name: string, type: number, metrics: readonly Uint8Array[]) => {
    const writer = Writer.create().uint32(10).string(name).uint32(24).int32(type);
    for (const metric of metrics) writer.uint32(34).bytes(metric);
    return Writer.create().bytes(writer.finish()).finish();
  };
  return Buffer.concat([
    family('http_requests_total', 0, counters),
    family('http_request_duration_seconds', 4, histograms),
  ]);
}
