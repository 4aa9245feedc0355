import { createServer, type Server as HttpServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { blueHistory } from '../../src/activities/baseline-history.ts';
import { historyConfig } from '../../src/cli/history-config.ts';
import { countersFor } from '../../src/metrics/counters.ts';
import { readHistory } from '../../src/metrics/prometheus/history/read-history.ts';
import type { PrometheusConfig } from '../../src/metrics/prometheus/schema.ts';
import type { MetricsConfig } from '../../src/runbook/kinds.ts';
import { parseRunbook } from '../../src/runbook/load.ts';
import { toLimits } from '../../src/runbook/to-plan.ts';
import { guide, guideWith } from '../runbook/support.ts';
import {
  describeWithPrometheus,
  metricsOf,
  PAGE,
  startPrometheus,
  type TestPrometheus,
} from '../support/prometheus.ts';
import { format, registry } from '../support/registry.ts';

const servers: HttpServer[] = [];
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(answer: (url: URL) => string): Promise<string> {
  const server = createServer((request, response) =>
    response.writeHead(200, PAGE).end(answer(new URL(request.url ?? '/', 'http://x'))),
  );
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  return `127.0.0.1:${address.port}`;
}

interface Wanted extends Partial<Pick<PrometheusConfig, 'requests' | 'latency' | 'codeLabel'>> {
  readonly version?: string;
  readonly from?: number;
  readonly to?: number;
  readonly stepMs?: number;
  readonly slowOverMs?: number;
}

async function readPast(url: string, { version, from = 0, to = 0, stepMs = 1_000, slowOverMs = 500, ...more }: Wanted) {
  const config: PrometheusConfig = {
    kind: 'prometheus',
    url,
    selector: [{ label: 'job', operator: '=', value: 'test' }],
    requests: 'http_requests_total',
    latency: 'http_request_duration_seconds',
    versionLabel: 'version',
    codeLabel: 'code',
    versionValue: '{version}',
    failed: 'status',
    poll: 15_000,
    timeout: 5_000,
    headers: {},
    ...more,
  };
  const limits = { errorRate: 0.05, latency: { quantile: 0.95, underMs: slowOverMs } };
  return readHistory(
    { name: 'Prometheus', url },
    { from, to, stepMs, ...(version !== undefined && { version }) },
    { counters: await countersFor(config, undefined)(bounds.signal), limits, ...bounds },
  );
}
const bounds = { signal: new AbortController().signal, progress: () => {} };

describeWithPrometheus('the past of a real Prometheus', () => {
  let prometheus: TestPrometheus;
  let from = 0;
  let baselineUntil = 0;
  let served = { good: 1_000, failed: 0, within: 990, other: 5 };

  const page = (): string =>
    [
      `http_requests_total{version="2.4.0",code="200"} ${served.good}`,
      // Born with its first failures.
      ...(served.failed > 0 ? [`http_requests_total{version="2.4.0",code="503"} ${served.failed}`] : []),
      `http_requests_total{version="2.3.0",code="200"} ${served.other}`,
      `http_requests_total{code="200"} ${served.good * 3}`, // a router's own
      `http_request_duration_seconds_bucket{version="2.4.0",le="0.5"} ${served.within}`,
      `http_request_duration_seconds_bucket{version="2.4.0",le="+Inf"} ${served.good + served.failed}`,
      `http_request_duration_seconds_count{version="2.4.0"} ${served.good + served.failed}`,
      '',
    ].join('\n');

  beforeAll(async () => {
    from = Math.floor(Date.now() / 1_000) * 1_000;
    prometheus = await startPrometheus({ targets: [{ address: await serve(page) }] });
    await seen('count_over_time(http_requests_total{code="200",version="2.4.0"}[1m]) >= 2');
    baselineUntil = Date.now();
    served = { good: 1_020, failed: 3, within: 1_006, other: 5 };
    await seen('http_requests_total{code="503"} == 3');
    served = { good: 1_050, failed: 4, within: 1_037, other: 15 };
    await seen('http_requests_total{code="503"} == 4');
  });
  afterAll(() => prometheus?.stop());

  async function seen(promql: string): Promise<void> {
    for (let round = 0; round < 100; round += 1) {
      const answer = await fetch(`${prometheus.url}/api/v1/query?query=${encodeURIComponent(promql)}`);
      if ((await answer.text()).includes('"value"')) return;
      await delay(100);
    }
    throw new Error(`Prometheus never had ${promql}`);
  }

  const read = (more: Wanted = {}) => readPast(prometheus.url, { from, to: Date.now(), ...more });
  const totals = (intervals: Awaited<ReturnType<typeof read>>['intervals']) =>
    (['requests', 'failed', 'slow'] as const).map((name) => intervals.reduce((sum, one) => sum + one[name], 0));

  test('is counted exactly: all versions together, the first failures, what is slow, and nothing of the router', async () => {
    const { intervals, notices } = await read();
    expect(totals(intervals)).toEqual([50 + 4 + 10, 4, 54 - 47]);
    expect(notices).toEqual([]);
    expect(
      intervals.every(({ from: since, to }, index) => to > since && since >= (intervals[index - 1]?.to ?? 0)),
    ).toBe(true);
  });

  test('is that of one version where one is named', async () => {
    expect(totals((await read({ version: '2.4.0' })).intervals)).toEqual([54, 4, 7]);
    await expect(read({ version: '2.3.0' })).rejects.toThrow(/has no histogram http_request_duration_seconds/);
    await expect(read({ version: '9.9.9' })).rejects.toThrow(
      /has no series http_requests_total\{job="test",version="9.9.9"\}/,
    );
  });

  test('says so where slow is stricter than the limit, or cannot be told', async () => {
    const { notices } = await read({ slowOverMs: 700 });
    expect(notices).toEqual([expect.stringMatching(/no bucket that ends at 0.7 s: slow means over 0.5 s instead/)]);
    await expect(read({ slowOverMs: 100 })).rejects.toThrow(/has no bucket at or below the latency limit of 0.1 s/);
    await expect(read({ latency: 'other_seconds' })).rejects.toThrow(/has no histogram other_seconds, neither/);
  });

  test('tells the judge what blue was like; without a past it is told nothing', async () => {
    const metrics = metricsOf(prometheus.url, 'job', 'test');
    // A minute begins where the baseline ends.
    const about = { version: '2.4.0', to: baselineUntil + 60_000 };
    const { signal } = bounds;
    const history = await blueHistory(sourceOf(metrics), about, signal);
    expect(history.reduce((sum, { failed }) => sum + failed, 0)).toBe(4);
    for (const without of [{ ...metrics, url: `http://${await serve(() => 'nonsense')}` }, guide().metrics])
      expect(await blueHistory(sourceOf(without), about, signal)).toEqual([]);
  });

  test('is refused with what is missing', async () => {
    await expect(read({ requests: 'requests' })).rejects.toThrow(
      'Prometheus has no series requests{job="test"} in this time',
    );
    await expect(read({ codeLabel: 'status' })).rejects.toThrow(/has no label "status"/);
    await expect(read({ codeLabel: 'version' })).rejects.toThrow(/"version" .* does not hold an HTTP status/);
    await expect(read({ to: from + 1 })).rejects.toThrow(/Prometheus has (no series|too little)/);
  });
});

describe('a Prometheus with very many series', () => {
  test('is asked for increases by the minute, in pieces, and a notice says what that costs', async () => {
    const asked: URL[] = [];
    const address = await serve((url) => {
      asked.push(url);
      const many = Array.from({ length: 1_500 }, (_, pod) => ({
        __name__: 'http_requests_total',
        code: '200',
        version: '1',
        pod: String(pod),
      }));
      if (url.pathname.endsWith('/series')) return JSON.stringify({ status: 'success', data: many });
      const [start, end, step] = ['start', 'end', 'step'].map((key) => Number(url.searchParams.get(key)));
      const values: [number, string][] = [];
      for (let at = start ?? 0; at <= (end ?? 0); at += step ?? 60)
        values.push([at, url.searchParams.get('query')?.includes('code!~') ? '0.5' : '10.25']);
      return JSON.stringify({
        status: 'success',
        data: { resultType: 'matrix', result: [{ metric: { version: '1' }, values }] },
      });
    });
    const { intervals, notices } = await readPast(`http://${address}`, {
      to: 12 * 3_600_000,
      stepMs: 15_000,
      latency: undefined,
    });
    expect(intervals).toHaveLength(720);
    expect(intervals.slice(0, 2)).toEqual([
      { from: 0, to: 60_000, requests: 10, failed: 1, slow: 0 },
      { from: 60_000, to: 120_000, requests: 11, failed: 0, slow: 0 },
    ]);
    expect(intervals.reduce((sum, { requests }) => sum + requests, 0)).toBe(7_380);
    expect(asked.filter(({ pathname }) => pathname.endsWith('/query_range'))).toHaveLength(4);
    expect(notices).toEqual([
      expect.stringMatching(/^1500 series are too many .* increase\(\) over 60 s, which extrapolates/),
    ]);
  });
});

describe('where the history is', () => {
  const { metrics } = guide();

  test('a person says for pages, which have none', () => {
    expect(sourceOf(historyConfig(metrics, {})).history).toBeUndefined();
    for (const selector of ['job="shop",path!~"/h.*"', ' {job="shop",path!~"/h.*"} '])
      expect(historyConfig(metrics, { prometheus: 'http://p', selector })).toMatchObject({
        kind: 'prometheus',
        url: 'http://p',
        requests: 'http_requests_total',
        selector: [
          { label: 'job', operator: '=', value: 'shop' },
          { label: 'path', operator: '!~', value: '/h.*' },
        ],
      });
    expect(() => historyConfig(metrics, { prometheus: 'http://p', selector: 'job=shop' })).toThrow(
      /^--selector: found "job=shop", expected labels such as/,
    );
    expect(() => historyConfig(metrics, { prometheus: 'http://p' })).toThrow(/with --selector/);
    expect(() => historyConfig({ kind: 'other', poll: 1 }, { prometheus: 'http://p' })).toThrow(/--from-file FILE/);
  });

  test('the runbook says where it has one, with its credentials, which go nowhere else', async () => {
    const asked: IncomingHttpHeaders[] = [];
    const server = createServer((request, response) => {
      asked.push(request.headers);
      response.writeHead(503).end();
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const config = parseRunbook(
      guideWith(
        ['kind: scrape', `kind: prometheus\n  url: ${url}\n  selector: { job: shop }`],
        [
          '  targets: ["http://127.0.0.1:18080/metrics"]',
          '  auth: { tokenEnv: T }\n  headers: { X-Scope-OrgID: shop }',
        ],
      ),
      { file: 'guide', format },
    ).metrics;
    const ask = (metricsConfig: MetricsConfig, env: NodeJS.ProcessEnv) =>
      sourceOf(metricsConfig, env).history?.({ from: 0, to: 60_000, stepMs: 15_000 }, bounds);
    await expect(ask(config, { T: 'abc' })).rejects.toThrow();
    expect(asked.pop()).toMatchObject({ authorization: 'Bearer abc', 'x-scope-orgid': 'shop' });
    await expect(ask(config, {})).rejects.toThrow('the variable T');
    const elsewhere = historyConfig(config, { prometheus: url });
    expect(elsewhere).toMatchObject({ selector: [{ label: 'job', operator: '=', value: 'shop' }] });
    await expect(ask(elsewhere, { T: 'abc' })).rejects.toThrow();
    expect(asked.pop()).not.toMatchObject({ authorization: expect.anything() });
  });
});

function sourceOf(config: MetricsConfig, env: NodeJS.ProcessEnv = {}) {
  const { service, environment, limits } = guide();
  return registry.metrics(config, {
    target: { deployment: '', service, environment, blue: '', green: '', digest: '' },
    limits: toLimits(limits),
    env,
    log: { info() {}, warn() {}, error() {} },
  });
}
