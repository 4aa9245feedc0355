import { createServer, type Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { metricsProblems } from '../../src/metrics/preflight.ts';
import { describeWithPrometheus, PAGE, startPrometheus, type TestPrometheus } from '../support/prometheus.ts';
import { createPrometheus, metricsSchema } from './support/counters.ts';

const signal = new AbortController().signal;
const versions = { blue: 'v1', green: 'v2' };
const ERRORS = { errorRate: 0.05 };
const LATENCY = { ...ERRORS, latency: { quantile: 0.95, underMs: 500 } };

let prometheus: TestPrometheus;
const servers: Server[] = [];
let tests = 0;

async function serve(lines: () => readonly string[]): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(200, PAGE).end(`${lines().join('\n')}\n`));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  return `127.0.0.1:${address.port}`;
}

interface Job {
  readonly job_name: string;
  readonly targets: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
}

interface Asked {
  readonly limits?: typeof LATENCY | typeof ERRORS;
  readonly latency?: string;
  readonly requests?: string;
  readonly selector?: Readonly<Record<string, string>>;
}

/** Prometheus scrapes these jobs each second; the source reads them as a runbook with these keys asks for it. */
async function scraped(jobs: readonly Job[], { limits = ERRORS, selector = {}, ...keys }: Asked = {}) {
  tests += 1;
  const team = `team-${tests}`; // Prometheus remembers the tests before
  await prometheus.reload({
    more: {
      scrape_configs: jobs.map(({ job_name, targets, labels = {} }) => ({
        job_name,
        static_configs: [{ targets, labels: { ...labels, team } }],
      })),
    },
  });
  const config = metricsSchema.parse({
    kind: 'prometheus',
    url: prometheus.url,
    selector: { team, ...selector },
    requests: 'http_requests_total',
    poll: '1s',
    ...keys,
  });
  const source = createPrometheus(config, limits, { env: {}, versions });
  const problems = (inspection: Inspected) => metricsProblems(inspection, { ...versions, limits });
  /** The first inspection that is as wanted. */
  async function until(wanted: (inspection: Inspected) => boolean): Promise<Inspected> {
    for (;;) {
      const inspection = await source.inspect(null, signal).catch(() => undefined); // before the first scrape
      if (inspection && wanted(inspection)) return inspection;
      await delay(100);
    }
  }
  return { source, problems, until };
}

/** Counts so many more requests with each scrape, or each quarter of a second. */
function counting(labels: string, step: () => number, from = 0): () => string[] {
  let count = from;
  return () => {
    count += step();
    return [`http_requests_total{version="v1",code="200"${labels}} ${count}`];
  };
}

type Inspected = Awaited<ReturnType<ReturnType<typeof createPrometheus>['inspect']>>;

const sumOf = ({ series }: Inspected, version = 'v1') => series[version]?.requests ?? 0;
const scrapesOf = (startedAt: number) => (inspection: Inspected) => inspection.reading.cursor.at > startedAt + 6_000;

describeWithPrometheus('metrics of a real Prometheus before a shift', () => {
  beforeAll(async () => {
    prometheus = await startPrometheus();
  });
  afterAll(() => prometheus?.stop());
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  test('two jobs that scrape the same page are refused, whatever they call it; one of them is fine', async () => {
    const startedAt = Date.now();
    const target = await serve(() => [
      `http_requests_total{version="v1",code="200"} ${1_000 + Math.floor((Date.now() - startedAt) / 5)}`,
    ]);
    const jobs = [
      { job_name: 'shop', targets: [target], labels: { service: 'shop' } },
      { job_name: 'podmonitor/shop', targets: [target], labels: { container: 'shop' } },
    ];
    const { source, problems, until } = await scraped(jobs);
    const inspection = await until((seen) => problems(seen).length > 0);
    expect(problems(inspection)).toEqual([
      {
        found: expect.stringMatching(
          /^each request of v1 is counted twice: http_requests_total has job="(podmonitor\/)?shop", "(podmonitor\/)?shop"/,
        ),
        unblock: expect.stringMatching(/^add \{ job: "(podmonitor\/)?shop" \} to metrics\.selector/),
      },
    ]);
    await expect(source.read(null, signal)).rejects.toMatchObject({
      type: 'MetricsUnavailable',
      message: expect.stringContaining('counted twice'),
    });

    const one = await scraped(jobs, { selector: { job: 'shop' } });
    const since = Date.now();
    expect(one.problems(await one.until(scrapesOf(since)))).toEqual([]);
  });

  test('one process of a pod that is found at two addresses is one', async () => {
    const startedAt = Date.now();
    const lines = () => [
      'process_start_time_seconds 1732784282.53',
      `http_requests_total{version="v1",code="200"} ${1_000 + Math.floor((Date.now() - startedAt) / 5)}`,
    ];
    const targets = [await serve(lines), await serve(lines)];
    const { problems, until } = await scraped([{ job_name: 'shop', targets, labels: { pod: 'shop-1' } }]);
    expect(problems(await until((seen) => problems(seen).length > 0))).toEqual([
      {
        found: expect.stringMatching(/ has instance="127\.0\.0\.1:\d+", "/),
        unblock: expect.stringContaining('{ instance: '),
      },
    ]);
  });

  test('two pods of two jobs are two, also of one pod two containers that count on their own', async () => {
    const jobs = [
      { job_name: 'a', targets: [await serve(counting('', () => 11, 1_000))], labels: { pod: 'shop-1' } },
      { job_name: 'b', targets: [await serve(counting('', () => 23, 5_000))], labels: { pod: 'shop-1' } },
      { job_name: 'c', targets: [await serve(counting('', () => 11, 1_000))], labels: { pod: 'shop-2' } },
    ];
    const { source, problems, until } = await scraped(jobs);
    const inspection = await until(scrapesOf(Date.now()));
    expect(problems(inspection)).toEqual([]);
    expect(sumOf(inspection)).toBeGreaterThan(7_000);
    await source.read(null, signal);
  });

  test('the proxies of Istio on both sides count each request: refused until one side is chosen', async () => {
    const target = await serve(() => [
      'http_requests_total{version="v1",code="200",reporter="source"} 100',
      'http_requests_total{version="v1",code="200",reporter="destination"} 100',
    ]);
    const { problems, until } = await scraped([{ job_name: 'mesh', targets: [target] }]);
    expect(problems(await until(() => true))).toEqual([
      {
        found: expect.stringContaining('each request of v1 is counted twice: http_requests_total has reporter='),
        unblock: expect.stringContaining('{ reporter: '),
      },
    ]);
    const side = await scraped([{ job_name: 'mesh', targets: [target] }], { selector: { reporter: 'destination' } });
    expect(side.problems(await side.until(() => true))).toEqual([]);
  });

  test('gRPC codes are refused unless the runbook says that they are such, and a summary without buckets, and a counter without the version', async () => {
    const target = await serve(() => [
      'grpc_total{version="v1",code="OK"} 100',
      'grpc_total{version="v1",code="Internal"} 7',
      'http_requests_total{version="v1",code="200"} 100',
      'http_request_duration_seconds_sum{version="v1"} 250',
      'bare_total{code="200",pod="a"} 100',
    ]);
    const job = { job_name: 'shop', targets: [target] };
    const grpc = await scraped([job], { requests: 'grpc_total' });
    expect(grpc.problems(await grpc.until(() => true))).toEqual([
      {
        found: expect.stringContaining('grpc_total of v1 has code="Internal", "OK"'),
        unblock: expect.stringContaining('metrics.failed which values mean a failure (grpc for gRPC codes)'),
      },
    ]);
    const summary = await scraped([job], { limits: LATENCY, latency: 'http_request_duration_seconds' });
    await expect(messageOf(summary.source)).resolves.toContain('there are no buckets');
    const bare = await scraped([job], { requests: 'bare_total' });
    await expect(messageOf(bare.source)).resolves.toContain(
      'metric bare_total has no label "version", which is to hold the version',
    );
  });

  /** Why it cannot be read once there is something to read. */
  async function messageOf({ inspect }: ReturnType<typeof createPrometheus>): Promise<string> {
    for (;;) {
      const why = await inspect(null, signal).then(
        () => Promise.reject(new Error('it was read')),
        (error: Error) => error.message,
      );
      if (!why.includes('no fresh sample')) return why;
      await delay(100);
    }
  }

  const durations = (version: string, name: string, ends: readonly [string, number][]) =>
    ends.map(([end, count]) => `${name}_bucket{version="${version}",le="${end}"} ${count}`);

  test('milliseconds are converted, buckets and sum', async () => {
    const target = await serve(() => [
      'http_requests_total{version="v1",code="200"} 100',
      ...durations('v1', 'duration_milliseconds', [
        ['0.5', 0],
        ['100', 60],
        ['500', 90],
        ['+Inf', 100],
      ]),
      'duration_milliseconds_sum{version="v1"} 13400',
    ]);
    const { problems, until } = await scraped([{ job_name: 'shop', targets: [target] }], {
      limits: LATENCY,
      latency: 'duration_milliseconds',
    });
    const inspection = await until(() => true);
    expect(problems(inspection)).toEqual([]);
    expect(inspection).toMatchObject({
      series: { v1: { requests: 100, slow: 10, seconds: 13.4 } },
      slowAbove: [{ version: 'v1', seconds: 0.5 }],
    });
  });

  test('blue and green are divided at an end that both have, from when green is seen', async () => {
    let [blue, green] = [100, 0];
    const name = 'http_request_duration_seconds';
    const target = await serve(() => [
      `http_requests_total{version="v1",code="200"} ${blue}`,
      ...durations('v1', name, [
        ['0.25', blue * 0.88],
        ['0.5', blue],
        ['+Inf', blue],
      ]),
      ...(green === 0
        ? []
        : [
            `http_requests_total{version="v2",code="200"} ${green}`,
            ...durations('v2', name, [
              ['0.25', green * 0.88],
              ['1', green],
              ['+Inf', green],
            ]),
          ]),
    ]);
    const { source, until } = await scraped([{ job_name: 'shop', targets: [target] }], {
      limits: LATENCY,
      latency: name,
    });
    expect((await until(() => true)).slowAbove).toEqual([{ version: 'v1', seconds: 0.5 }]);
    let { cursor } = await source.read(null, signal);
    const sums: Record<string, { requests: number; slow: number }> = {};
    async function readUntil(wanted: () => boolean) {
      while (!wanted()) {
        const reading = await source.read(cursor, signal);
        for (const { counts } of reading.intervals)
          for (const [version, { requests, slow }] of Object.entries(counts)) {
            const sum = sums[version] ?? { requests: 0, slow: 0 };
            sums[version] = { requests: sum.requests + requests, slow: sum.slow + slow };
          }
        cursor = reading.cursor;
        await delay(100);
      }
    }
    [blue, green] = [200, 100];
    await readUntil(() => sums['v2']?.requests === 100 && sums['v1']?.requests === 100);
    expect(sums).toEqual({ v1: { requests: 100, slow: 0 }, v2: { requests: 100, slow: 12 } });
    [blue, green] = [300, 200];
    await readUntil(() => sums['v2']?.requests === 200 && sums['v1']?.requests === 200);
    expect(sums).toEqual({ v1: { requests: 200, slow: 12 }, v2: { requests: 200, slow: 24 } });
    expect((await source.inspect(null, signal)).slowAbove).toEqual([
      { version: 'v1', seconds: 0.25 },
      { version: 'v2', seconds: 0.25 },
    ]);
  });
});
