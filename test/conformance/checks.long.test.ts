import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe } from '@jest/globals';
import type { Check, CheckContext } from '../../src/plugin/index.ts';
import type { Runbook } from '../../src/runbook/index.ts';
import { checkConformance } from '../../src/testing/index.ts';
import { common, contextFor, until, withRunbook } from '../checks/support/context.ts';
import { createCheck } from '../checks/support/create.ts';
import { startPostgres, type TestPostgres } from '../checks/support/postgres.ts';
import {
  describeWithPrometheus,
  PAGE,
  startAlertmanager,
  startPrometheus,
  type TestAlertmanager,
  type TestPrometheus,
} from '../support/prometheus.ts';
import { conform } from './conform.ts';

/** Each kind of check keeps the promises of its port. */

const servers: Server[] = [];
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

/** A server that answers with this status, and one that never answers. */
let good = '';
let bad = '';
let silent = '';
beforeAll(async () => {
  good = await serve((_request, response) => response.end('ok'));
  bad = await serve((_request, response) => response.writeHead(500).end());
  silent = await serve(() => {});
});

const secrets = ['127.0.0.1', '-secret'];
const context = (signal: AbortSignal) => contextFor('', signal);
/** A check made when it is needed: what it names is not there before. */
const check =
  (kind: string, config: () => object, change: (context: CheckContext) => CheckContext = (same) => same): Check =>
  async (given) =>
    createCheck({ ...common, kind, ...config() })(change(given));
const withParts =
  (parts: (runbook: Runbook) => object) =>
  (given: CheckContext): CheckContext =>
    withRunbook(given, { ...given.runbook, ...parts(given.runbook) });

conform(
  'check of kind command',
  checkConformance({
    passing: check('command', () => ({ command: ['true'] })),
    failing: check('command', () => ({ command: ['/bin/sh', '-c', 'echo see http://127.0.0.1/ >&2; exit 1'] })),
    hanging: check('command', () => ({ command: ['sleep', '60'] })),
    context,
    secrets,
  }),
);

const migrations = (shell: string) => check('schema-migrations', () => ({ command: ['/bin/sh', '-c', shell] }));
conform(
  'check of kind schema-migrations',
  checkConformance({
    passing: migrations('echo []'),
    failing: migrations(`echo '[{"name":"see http://127.0.0.1/","phase":"contract"}]'`),
    hanging: migrations('sleep 60'),
    context,
    secrets,
  }),
);

const http = (url: () => string) => check('http', () => ({ url: url(), status: 200 }));
conform(
  'check of kind http',
  checkConformance({
    passing: http(() => good),
    failing: http(() => bad),
    hanging: http(() => silent),
    context,
    secrets,
  }),
);

const loadTest = (target: () => string) =>
  check('load-test', () => ({
    target: target(),
    requestsPerSecond: 20,
    duration: 1_000,
    headers: {},
    paths: [{ path: '/', weight: 1, method: 'GET', headers: {} }],
    limits: { errorRate: 0.5, latency: { quantile: 0.1, under: 4_000 } },
    dataVolume: [],
  }));
conform(
  'check of kind load-test',
  checkConformance({
    passing: loadTest(() => good),
    failing: loadTest(() => bad),
    hanging: loadTest(() => silent),
    context,
    secrets,
  }),
);

const sh = (script: string) => ['/bin/sh', '-c', script];
const VEGETA = '{"latencies":{"95th":1000000,"99th":1000000},"requests":100,"rate":10,"success":1}';
const loadTool = (script: string) =>
  check('load-tool', () => ({ tool: 'vegeta', command: sh(script), limits: {}, dataVolume: [] }));
conform(
  'check of kind load-tool',
  checkConformance({
    passing: loadTool(`echo '${VEGETA}'`),
    failing: loadTool('echo see http://127.0.0.1/ >&2; exit 1'),
    hanging: loadTool('sleep 60'),
    context,
    secrets,
  }),
);
const platformReady = (status: string) =>
  check(
    'platform-ready',
    () => ({ timeout: 60_000 }),
    withParts(({ workload, router }) => ({
      workload: { ...workload, deploy: sh('') },
      router: { ...router, shiftTraffic: sh(''), rollback: sh(''), status: sh(status) },
    })),
  );
conform(
  'check of kind platform-ready',
  checkConformance({
    passing: platformReady(`echo '{"traffic": {"2.4.0": 100}}'`),
    failing: platformReady('echo "see http://127.0.0.1/" >&2; exit 1'),
    hanging: platformReady('sleep 60'),
    context,
    secrets,
  }),
);

const monitoring = (path: string) =>
  check(
    'deployment-monitoring',
    () => ({ measureFor: 1_000, detect: 0.9 }),
    withParts(({ metrics }) => ({
      metrics: { ...metrics, targets: [`${pages}/${path}`], poll: 200 },
      judge: { rule: 'threshold', batch: 200, minRequests: 20, breachesInARow: 3 },
      traffic: [
        { percentage: 50, soak: 20_000 },
        { percentage: 100, soak: 20_000 },
      ],
    })),
  );
let pages = '';
beforeAll(async () => {
  const startedAt = Date.now();
  pages = await serve((request, response) => {
    if (request.url === '/hang') return;
    const count = 10 + Math.floor((Date.now() - startedAt) / 2);
    const label = `version="${request.url === '/blue' ? '2.4.0' : '1.0.0'}"`;
    response
      .writeHead(200, PAGE)
      .end(
        [
          '# TYPE http_requests_total counter',
          `http_requests_total{${label},code="200"} ${count}`,
          '# TYPE http_request_duration_seconds histogram',
          ...['0.5', '+Inf'].map((le) => `http_request_duration_seconds_bucket{${label},le="${le}"} ${count}`),
          `http_request_duration_seconds_sum{${label}} ${count * 0.02}`,
          '',
        ].join('\n'),
      );
  });
});
conform(
  'check of kind deployment-monitoring',
  checkConformance({
    passing: monitoring('blue'),
    failing: monitoring('other'),
    hanging: monitoring('hang'),
    context,
    secrets,
  }),
);

describe('with a PostgreSQL', () => {
  let postgres: TestPostgres;
  let url = '';
  beforeAll(async () => {
    postgres = await startPostgres(['max_connections=30', 'superuser_reserved_connections=3']);
    const admin = await postgres.connect();
    await admin.query("CREATE ROLE recommendation LOGIN PASSWORD 'recommendation-secret'");
    await admin.query('CREATE TABLE items (id int PRIMARY KEY, owner int)');
    await admin.end();
    url = postgres.url();
  });
  afterAll(() => postgres.stop());
  const inDatabase = (signal: AbortSignal) => contextFor(url, signal);
  const pools = (size: number) => ({
    database: 'main',
    role: 'recommendation',
    blue: { instances: 1, size },
    green: { instances: 1, size },
  });

  const maxConnections = (size: number) => check('postgres-max-connections', () => ({ ...pools(size), headroom: 5 }));
  conform(
    'check of kind postgres-max-connections',
    checkConformance({ passing: maxConnections(5), failing: maxConnections(50), context: inDatabase, secrets }),
  );

  const poolSize = (peakRequests: number) =>
    check('postgres-pool-size', () => ({ ...pools(5), peakRequests, hold: 10, measureFor: 3_000, margin: 2 }));
  conform(
    'check of kind postgres-pool-size',
    checkConformance({ passing: poolSize(100), failing: poolSize(10_000), context: inDatabase, secrets }),
  );

  const indexes = (column: string) =>
    check('postgres-indexes', () => ({
      database: 'main',
      indexes: [{ table: 'items', columns: [column], unique: column === 'id', method: 'btree', name: 'wanted' }],
      queries: [],
    }));
  conform(
    'check of kind postgres-indexes',
    checkConformance({ passing: indexes('id'), failing: indexes('owner'), context: inDatabase, secrets }),
  );
});

describeWithPrometheus('with a Prometheus', () => {
  let prometheus: TestPrometheus;
  let alertmanager: TestAlertmanager;
  beforeAll(async () => {
    const label = 'service="recommendation"';
    const address = (
      await serve((_request, response) =>
        response
          .writeHead(200, PAGE)
          .end(
            [
              `http_requests_total{${label},code="200"} 1000`,
              `http_requests_total{${label},code="500"} 0`,
              `http_request_duration_seconds_bucket{${label},le="0.5"} 900`,
              `http_request_duration_seconds_bucket{${label},le="+Inf"} 1000`,
              '',
            ].join('\n'),
          ),
      )
    ).replace('http://', '');
    alertmanager = await startAlertmanager();
    const rules = [
      { alert: 'Errors', expr: `rate(http_requests_total{${label},code=~"5.."}[1m]) > 1` },
      { alert: 'Slow', expr: `rate(http_request_duration_seconds_bucket{${label},le="0.5"}[1m]) > 1e9` },
    ];
    prometheus = await startPrometheus({
      targets: [{ address }],
      alertmanagers: [alertmanager.address],
      rules: JSON.stringify({ groups: [{ name: 'all', interval: '1s', rules }] }),
    });
    const passes = alerts('recommendation');
    await until(async () => (await passes(contextFor('', new AbortController().signal))).passed);
  });
  afterAll(() => Promise.all([prometheus.stop(), alertmanager.stop()]));

  const alerts = (service: string, server = () => prometheus.url) =>
    check('prometheus-alerts', () => ({
      url: server(),
      labels: { service },
      errors: 'http_requests_total{code=~"5.."}',
      latency: 'http_request_duration_seconds',
      alertmanagers: {},
      measureFor: 100,
      prove: false,
    }));
  conform(
    'check of kind prometheus-alerts',
    checkConformance({
      passing: alerts('recommendation'),
      failing: alerts('another'),
      hanging: alerts('recommendation', () => silent),
      context,
      secrets,
    }),
  );
});
