import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll } from '@jest/globals';
import type { FreshCounts } from '../../src/plugin/index.ts';
import { metricsConformance } from '../../src/testing/index.ts';
import { eventually } from '../processes/support.ts';
import {
  describeWithPrometheus,
  metricsOf,
  PAGE,
  startPrometheus,
  type TestPrometheus,
} from '../support/prometheus.ts';
import { registry } from '../support/registry.ts';
import { conform } from './conform.ts';

/** Each kind of metric source counts every request exactly once. */

const VERSIONS = ['2.4.0', '2.5.0'] as const;
type Version = (typeof VERSIONS)[number];
const SLOTS = { '2.4.0': 'shop-a', '2.5.0': 'shop-b' };
const SECRET = 'hunter2-token';

const source = (config: Readonly<Record<string, unknown>>) =>
  registry.metrics(
    { kind: '', poll: 1_000, ...config },
    {
      target: {
        deployment: 'w/r',
        service: 'shop',
        environment: 'production',
        blue: '2.4.0',
        green: '2.5.0',
        digest: 'd',
      },
      env: { ...process.env, TOKEN: SECRET },
      log: { info() {}, warn() {}, error() {} },
      limits: { errorRate: 0.05, latency: { quantile: 0.95, underMs: 500 } },
      compared: { blue: '2.4.0', green: '2.5.0' },
      slots: () => Promise.resolve(SLOTS),
    },
  );

/** What two versions served: each on a page of its own, counters since their start, and every request with its time. */
function createWorld() {
  const totals = new Map<string, FreshCounts>();
  const served: { readonly at: number; readonly version: string; readonly counts: FreshCounts }[] = [];
  const starts = new Map<string, number>();
  let isOut = false;
  const restart = (version: string) => {
    starts.set(version, Date.now() / 1_000);
    totals.set(version, { requests: 0, failed: 0, slow: 0, seconds: 0 });
  };
  for (const version of VERSIONS) restart(version);

  const page = (version: Version): string => {
    const { requests, failed, slow, seconds } = totals.get(version) ?? { requests: 0, failed: 0, slow: 0, seconds: 0 };
    return [
      `process_start_time_seconds ${starts.get(version)}`,
      '# TYPE http_requests_total counter',
      `http_requests_total{version="${version}",code="200"} ${requests - failed}`,
      `http_requests_total{version="${version}",code="500"} ${failed}`,
      `calls_total{slot="${SLOTS[version]}"} ${requests}`,
      `calls_ok_total{slot="${SLOTS[version]}"} ${requests - failed}`,
      `build_info{build="b-${version}",version="${version}"} 1`,
      `jobs_total{build="b-${version}"} ${requests}`,
      `jobs_failed_total{build="b-${version}",reason="timeout"} ${failed}`,
      '# TYPE http_request_duration_seconds histogram',
      `http_request_duration_seconds_bucket{version="${version}",le="0.5"} ${requests - slow}`,
      `http_request_duration_seconds_bucket{version="${version}",le="+Inf"} ${requests}`,
      `http_request_duration_seconds_count{version="${version}"} ${requests}`,
      `http_request_duration_seconds_sum{version="${version}"} ${seconds}`,
      '',
    ].join('\n');
  };

  const server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://host');
    if (url.pathname === '/hang') return;
    if (isOut) return void response.writeHead(503).end();
    if (url.pathname !== '/counts')
      return void response.writeHead(200, PAGE).end(page(url.pathname.slice(1) as Version));
    const [from, to] = ['from', 'to'].map((key) => Number(url.searchParams.get(key)) * 1_000);
    const counts: Record<string, FreshCounts> = {};
    for (const one of served) {
      if (one.at <= (from ?? 0) || one.at > (to ?? 0)) continue;
      counts[one.version] = plus(counts[one.version], one.counts);
    }
    response.end(JSON.stringify(url.searchParams.has('total') ? Object.fromEntries(totals) : counts));
  });
  return {
    restart,
    start: () => new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve)),
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
    address: () => `127.0.0.1:${(server.address() as AddressInfo).port}`,
    serve(version: string, counts: FreshCounts) {
      totals.set(version, plus(totals.get(version), counts));
      served.push({ at: Date.now(), version, counts });
    },
    outage: (out: boolean) => void (isOut = out),
  };
}

function plus(one: FreshCounts | undefined, other: FreshCounts): FreshCounts {
  const { requests, failed, slow, seconds } = one ?? { requests: 0, failed: 0, slow: 0, seconds: 0 };
  return {
    requests: requests + other.requests,
    failed: failed + other.failed,
    slow: slow + other.slow,
    seconds: seconds + other.seconds,
  };
}

const world = createWorld();
beforeAll(() => world.start());
afterAll(() => world.stop());
const common = { versions: VERSIONS, secrets: [SECRET, '127.0.0.1'], serve: world.serve, outage: world.outage };
const counters = {
  requests: 'http_requests_total',
  latency: 'http_request_duration_seconds',
  versionLabel: 'version',
  codeLabel: 'code',
  versionValue: '{version}',
  failed: 'status',
};

/** By slot, with a second counter of answered requests; and by an info metric, with one of failed requests. */
const { versionLabel, versionValue, latency } = counters;
const bySlot = {
  requests: 'calls_total',
  slotLabel: 'slot',
  failed: { answeredCounter: 'calls_ok_total' },
  latency: { metric: latency, versionLabel },
};
const joined = {
  requests: 'jobs_total',
  versionLabel,
  versionValue,
  join: { metric: 'build_info', on: ['build'] },
  failed: { counter: 'jobs_failed_total' },
  latency,
};

const scrape = (keys: object, ...paths: string[]) =>
  source({ kind: 'scrape', ...keys, targets: paths.map((path) => `http://${world.address()}/${path}`) });
for (const [how, keys] of Object.entries({ '': counters, ', by slot': bySlot, ', joined': joined }))
  conform(
    `metrics of kind scrape${how}`,
    metricsConformance({
      ...common,
      source: () => scrape(keys, ...VERSIONS),
      restart: world.restart,
      hanging: () => scrape(keys, 'hang'),
    }),
  );

/** Asks the world with a program. */
const asks = (path: string, more: object = {}) =>
  source({
    kind: 'command',
    timeout: 60_000,
    command: [
      process.execPath,
      '-e',
      `const [url] = process.argv.slice(1);
       fetch(url).then((response) => (response.ok ? response.text() : Promise.reject(new Error('refused ' + url))))
         .then((text) => console.log(text), (error) => { console.error(String(error)); process.exitCode = 1; });`,
      `http://${world.address()}/${path}from={from}&to={to}&token=${SECRET}`,
    ],
    ...more,
  });
conform(
  'metrics of kind command, by interval',
  metricsConformance({
    ...common,
    source: () => asks('counts?', { counts: 'interval' }),
    hanging: () => asks('hang?', { counts: 'interval' }),
  }),
);
conform(
  'metrics of kind command, in total',
  metricsConformance({
    ...common,
    source: () => asks('counts?total&', { counts: 'total' }),
    restart: world.restart,
    hanging: () => asks('hang?', { counts: 'total' }),
  }),
);

describeWithPrometheus('with a Prometheus', () => {
  let prometheus: TestPrometheus;
  let isOut = false;
  const own = createWorld();
  /** In front of Prometheus, since its outage has to end. */
  const front = createServer((request, response) => {
    if (request.url?.startsWith('/hang')) return;
    if (isOut) return void response.writeHead(503).end();
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => void forward(request, Buffer.concat(chunks), response));
  });
  async function forward({ url = '', method = '', headers }: IncomingMessage, body: Buffer, response: ServerResponse) {
    const type = headers['content-type'];
    const answer = await fetch(`${prometheus.url}${url}`, {
      method,
      ...(body.length > 0 && { body }),
      headers: { ...(type !== undefined && { 'content-type': type }) },
    });
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' });
    response.end(await answer.text());
  }
  const frontUrl = () => `http://127.0.0.1:${(front.address() as AddressInfo).port}`;

  beforeAll(async () => {
    await own.start();
    await new Promise<void>((resolve) => void front.listen(0, '127.0.0.1', resolve));
    prometheus = await startPrometheus({
      more: {
        scrape_configs: VERSIONS.map((version) => ({
          job_name: version,
          metrics_path: `/${version}`,
          static_configs: [{ targets: [own.address()], labels: { job: 'shop' } }],
        })),
      },
    });
    const query = encodeURIComponent('count(count by (version) (http_requests_total))');
    await eventually(async () => {
      const answer = await fetch(`${prometheus.url}/api/v1/query?query=${query}`);
      return (await answer.text()).includes('"2"') || undefined;
    });
  });
  afterAll(async () => {
    await prometheus.stop();
    front.closeAllConnections();
    front.close();
    own.stop();
  });

  const ask = (url: string, keys: object) => source({ ...metricsOf(url, 'job', 'shop'), timeout: 60_000, ...keys });
  for (const [how, keys] of Object.entries({ '': {}, ', by slot': bySlot, ', joined': joined }))
    conform(
      `metrics of kind prometheus${how}`,
      metricsConformance({
        ...common,
        serve: own.serve,
        source: () => ask(frontUrl(), keys),
        restart: own.restart,
        outage: (out) => void (isOut = out),
        hanging: () => ask(`${frontUrl()}/hang`, keys),
        settleMs: 60_000,
      }),
    );
});
