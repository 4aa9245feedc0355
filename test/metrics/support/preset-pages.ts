import type { PresetName } from '../../../src/metrics/presets.ts';

/** What a version has counted so far; `answered` and `failed` together are its requests. */
export interface Counted {
  readonly version: string;
  /** Its backend, upstream, service or workload at the router. */
  readonly slot: string;
  /** With statuses under 500. */
  readonly answered: number;
  readonly failed: number;
  /** Over 500 ms, failed or not: these take 800 ms or more, all others 180 ms or less. */
  readonly slow: number;
}

/**
 * A page in Prometheus' text format, with the names, labels, help texts and buckets of the real exporter. It also
 * shows another
 * service with the same versions, whose requests must not be counted. Counters grow with what was counted, each of them.
 * Where the real exporter is a process of the service, the page is what Prometheus keeps of all processes: with job,
 * instance and
 * the labels of the target.
 */
export function presetPage(
  name: PresetName,
  { blue, green }: { readonly blue: Counted; readonly green: Counted },
): string {
  const ours = [blue, green].map((counted, index) => party('shop', counted, index));
  const others = [blue, green].map(({ version, slot }, index) =>
    party('mail', { version, slot: `mail-of-${slot}`, answered: 9_000, failed: 4_000, slow: 5_000 }, index),
  );
  return PAGES[name].page([...ours, ...others]).join('');
}

/** What a user adds to the preset for this page. */
export function presetExtras(name: PresetName): Readonly<Record<string, unknown>> {
  return PAGES[name].extras;
}

interface Page {
  readonly extras: Readonly<Record<string, unknown>>;
  readonly page: (parties: readonly Party[]) => readonly string[];
}

interface Party {
  readonly service: string;
  readonly version: string;
  readonly slot: string;
  /** Of the two: 0 for blue. */
  readonly index: number;
  readonly isGreen: boolean;
  readonly requests: readonly Request[];
}

/** Requests that are alike. */
interface Request {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly call: string;
  /** As Go, and OpenTelemetry, write it. */
  readonly grpc: readonly [go: string, upper: string];
  readonly fast: number;
  readonly slow: number;
}

type Labels = Readonly<Record<string, string>>;
type Durations = Pick<Request, 'fast' | 'slow'>;

const ANSWERED: readonly Omit<Request, 'fast' | 'slow'>[] = [
  { method: 'GET', path: '/items', status: 200, call: 'ListItems', grpc: ['OK', 'OK'] },
  { method: 'POST', path: '/orders', status: 201, call: 'AddOrder', grpc: ['OK', 'OK'] },
  { method: 'GET', path: '/items/{id}', status: 404, call: 'GetItem', grpc: ['NotFound', 'NOT_FOUND'] },
];
const FAILED: readonly Omit<Request, 'fast' | 'slow'>[] = [
  { method: 'GET', path: '/items', status: 500, call: 'ListItems', grpc: ['Internal', 'INTERNAL'] },
  { method: 'POST', path: '/orders', status: 503, call: 'AddOrder', grpc: ['Unavailable', 'UNAVAILABLE'] },
];
/** Which of those each request is, in turn. */
const ANSWERED_TURNS = [0, 1, 0, 0, 2, 0, 1];
const FAILED_TURNS = [0, 1, 0];
const FAST_SECONDS = [0.008, 0.04, 0.09, 0.18];
const FAST_TURNS = [0, 1, 0, 2, 0, 1, 3];
const SLOW_SECONDS = [0.8, 2];
const SLOW_TURNS = [0, 0, 1];

/** How many of the first `count` turns are the one: never fewer when `count` grows. */
function turnsOf(one: number, count: number, turns: readonly number[]): number {
  const each = turns.filter((turn) => turn === one).length;
  const rest = turns.slice(0, count % turns.length).filter((turn) => turn === one).length;
  return Math.floor(count / turns.length) * each + rest;
}

function party(service: string, { version, slot, answered, failed, slow }: Counted, index: number): Party {
  const slowAnswered = Math.min(slow, answered);
  const spread = (kinds: typeof ANSWERED, turns: readonly number[], counts: Durations) =>
    kinds.map((kind, one) => ({
      ...kind,
      fast: turnsOf(one, counts.fast, turns),
      slow: turnsOf(one, counts.slow, turns),
    }));
  const requests = [
    ...spread(ANSWERED, ANSWERED_TURNS, { fast: answered - slowAnswered, slow: slowAnswered }),
    ...spread(FAILED, FAILED_TURNS, { fast: failed - (slow - slowAnswered), slow: slow - slowAnswered }),
  ];
  return { service, version, slot, index, isGreen: index === 1, requests };
}

type Row<Value> = readonly [labels: Labels, value: Value];

function rows(parties: readonly Party[], labels: (party: Party, request: Request) => Labels): Row<Request>[] {
  return parties.flatMap((one) => one.requests.map((request): Row<Request> => [labels(one, request), request]));
}

/** Series of equal labels become one. */
function merged<Value>(all: readonly Row<Value>[]): Map<string, Value[]> {
  const found = new Map<string, Value[]>();
  for (const [labels, value] of all) {
    const text = Object.entries(labels)
      .map(([label, given]) => `${label}="${given}"`)
      .join(',');
    found.set(text, [...(found.get(text) ?? []), value]);
  }
  return found;
}

function head(name: string, type: string, help: string): string {
  return `${help === '' ? '' : `# HELP ${name} ${help}\n`}# TYPE ${name} ${type}\n`;
}

function line(name: string, labels: string, value: number | string): string {
  return `${name}${labels === '' ? '' : `{${labels}}`} ${value}\n`;
}

function numbers(type: 'counter' | 'gauge', [name, help]: Named, all: readonly Row<number>[]): string {
  const lines = [...merged(all)].map(([labels, values]) =>
    line(
      name,
      labels,
      values.reduce((sum, one) => sum + one, 0),
    ),
  );
  return head(name, type, help) + lines.join('');
}

type Named = readonly [name: string, help: string];

function counter(named: Named, all: readonly Row<Durations>[]): string {
  return numbers(
    'counter',
    named,
    all.map(([labels, { fast, slow }]) => [labels, fast + slow]),
  );
}

/** With the ends as the exporter prints them, in its unit. */
function histogram(
  [name, help]: Named,
  { ends, perSecond = 1 }: { readonly ends: string; readonly perSecond?: number },
  all: readonly Row<Durations>[],
): string {
  const lines = [...merged(all)].flatMap(([labels, values]) => {
    const durations = values.flatMap(({ fast, slow }) => [
      ...FAST_SECONDS.map((seconds, one) => ({ seconds, count: turnsOf(one, fast, FAST_TURNS) })),
      ...SLOW_SECONDS.map((seconds, one) => ({ seconds, count: turnsOf(one, slow, SLOW_TURNS) })),
    ]);
    const within = (end: number) =>
      durations.reduce((sum, { seconds, count }) => sum + (seconds * perSecond <= end ? count : 0), 0);
    const total = within(Number.POSITIVE_INFINITY);
    const sum = durations.reduce((added, { seconds, count }) => added + seconds * perSecond * count, 0);
    const comma = labels === '' ? '' : `${labels},`;
    return [
      ...ends.split(' ').map((end) => line(`${name}_bucket`, `${comma}le="${end}"`, within(Number(end)))),
      line(`${name}_bucket`, `${comma}le="+Inf"`, total),
      line(`${name}_sum`, labels, Number(sum.toFixed(6))),
      line(`${name}_count`, labels, total),
    ];
  });
  return head(name, 'histogram', help) + lines.join('');
}

const CLIENT_ENDS = '0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10';
const OTEL_ENDS = '0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10';
const ENVOY_ENDS = '0.5 1 5 10 25 50 100 250 500 1000 2500 5000 10000 30000 60000 300000 600000 1800000 3600000';

const classOf = (status: number) => `${Math.floor(status / 100)}xx`;
/** A process of the service, as Prometheus knows it. */
const target = ({ service, index }: Party): Labels => ({ instance: `10.42.${index}.17:8080`, job: service });
const versionedTarget = (one: Party): Labels => ({ ...target(one), version: one.version });
/** A probe or a scrape: it must not be counted. */
const PROBES = { fast: 700, slow: 300 };

const istio: Page = {
  extras: {
    selector: { reporter: 'destination', destination_service_name: 'shop', destination_service_namespace: 'prod' },
  },
  page(parties) {
    const labels = (reporter: string, one: Party, { status }: Request): Labels => ({
      reporter,
      source_workload: reporter === 'source' ? 'istio-ingressgateway' : 'frontend',
      source_workload_namespace: 'prod',
      source_principal: 'spiffe://cluster.local/ns/prod/sa/frontend',
      source_app: 'frontend',
      source_version: 'v3',
      source_cluster: 'Kubernetes',
      destination_workload: one.slot,
      destination_workload_namespace: 'prod',
      destination_principal: `spiffe://cluster.local/ns/prod/sa/${one.service}`,
      destination_app: one.service,
      destination_version: one.version,
      destination_service: `${one.service}.prod.svc.cluster.local`,
      destination_service_name: one.service,
      destination_service_namespace: 'prod',
      destination_cluster: 'Kubernetes',
      request_protocol: 'http',
      response_code: String(status),
      grpc_response_status: '',
      response_flags: status === 503 ? 'UC' : '-',
      connection_security_policy: reporter === 'source' ? 'unknown' : 'mutual_tls',
      destination_canonical_service: one.service,
      destination_canonical_revision: one.version,
    });
    const both = ['destination', 'source'].flatMap((reporter) =>
      rows(parties, (one, request) => labels(reporter, one, request)),
    );
    return [
      counter(['istio_requests_total', ''], both),
      histogram(['istio_request_duration_milliseconds', ''], { ends: ENVOY_ENDS, perSecond: 1_000 }, both),
      numbers(
        'counter',
        ['istio_tcp_connections_opened_total', ''],
        [[{ reporter: 'destination', request_protocol: 'tcp' }, 12]],
      ),
    ];
  },
};

const envoyGateway: Page = {
  extras: {},
  page: (parties) => [
    counter(
      ['envoy_cluster_upstream_rq', ''],
      rows(parties, ({ slot }, { status }) => ({ envoy_response_code: String(status), envoy_cluster_name: slot })),
    ),
    counter(
      ['envoy_cluster_upstream_rq_xx', ''],
      rows(parties, ({ slot }, { status }) => ({
        envoy_response_code_class: String(status).slice(0, 1),
        envoy_cluster_name: slot,
      })),
    ),
    numbers('counter', ['envoy_cluster_upstream_rq_retry', ''], [[{ envoy_cluster_name: 'xds_cluster' }, 0]]),
    histogram(
      ['envoy_cluster_upstream_rq_time', ''],
      { ends: ENVOY_ENDS, perSecond: 1_000 },
      rows(parties, ({ slot }) => ({ envoy_cluster_name: slot })),
    ),
  ],
};

const linkerd: Page = {
  extras: { selector: { direction: 'inbound', namespace: 'prod', authority: 'shop.prod.svc.cluster.local:8080' } },
  page(parties) {
    const labels = (direction: string, pod: number, one: Party): Labels => ({
      direction,
      authority: `${one.service}.prod.svc.cluster.local:8080`,
      target_addr: `10.42.${one.index}.${pod}:8080`,
      target_ip: `10.42.${one.index}.${pod}`,
      target_port: '8080',
      tls: 'true',
      client_id: 'frontend.prod.serviceaccount.identity.linkerd.cluster.local',
      srv_kind: 'default',
      srv_name: 'all-unauthenticated',
      namespace: 'prod',
      deployment: one.slot,
      pod: `${one.slot}-7d9f-${pod}`,
      control_plane_ns: 'linkerd',
      job: 'linkerd-proxy',
      instance: `10.42.${one.index}.${pod}:4191`,
    });
    // Two pods: one answers GET requests, one the others.
    const podOf = ({ method }: Request) => (method === 'GET' ? 17 : 18);
    const both = (add: (request: Request) => Labels) =>
      ['inbound', 'outbound'].flatMap((direction) =>
        rows(parties, (one, request) => ({ ...labels(direction, podOf(request), one), ...add(request) })),
      );
    return [
      counter(
        ['request_total', 'Total count of HTTP requests.'],
        both(() => ({})),
      ),
      counter(
        ['response_total', 'Total count of HTTP responses.'],
        both(({ status }) => ({
          status_code: String(status),
          classification: status >= 500 ? 'failure' : 'success',
        })),
      ),
      histogram(
        [
          'response_latency_ms',
          "Elapsed times between a request's headers being received and its response stream completing",
        ],
        {
          ends: '1 2 3 4 5 10 20 30 40 50 100 200 300 400 500 1000 2000 3000 4000 5000 10000 20000 30000 40000 50000',
          perSecond: 1_000,
        },
        both(({ status }) => ({ status_code: String(status) })),
      ),
    ];
  },
};

const ingressNginx: Page = {
  extras: { selector: { namespace: 'prod', ingress: 'shop' } },
  page(parties) {
    const all = rows(parties, (one, { method, status, path }) => ({
      canary: one.isGreen ? `prod-${one.slot}-80` : '',
      controller_class: 'k8s.io/ingress-nginx',
      controller_namespace: 'ingress-nginx',
      controller_pod: 'ingress-nginx-controller-6b8c7',
      host: `${one.service}.example.com`,
      ingress: one.service,
      method,
      namespace: 'prod',
      path: path === '/orders' ? '/orders' : '/',
      service: one.service,
      status: String(status),
    }));
    return [
      histogram(
        ['nginx_ingress_controller_request_duration_seconds', 'The request processing time in milliseconds'],
        { ends: CLIENT_ENDS },
        all,
      ),
      counter(['nginx_ingress_controller_requests', 'The total number of client requests'], all),
      numbers(
        'gauge',
        [
          'nginx_ingress_controller_config_last_reload_successful',
          'Whether the last configuration reload attempt was successful',
        ],
        [[{ controller_class: 'k8s.io/ingress-nginx' }, 1]],
      ),
    ];
  },
};

const traefik: Page = {
  extras: {},
  page: (parties) => [
    counter(
      [
        'traefik_entrypoint_requests_total',
        'How many HTTP requests processed on an entrypoint, partitioned by status code, protocol, and method.',
      ],
      rows(parties, (_, { method, status }) => ({ code: String(status), entrypoint: 'web', method, protocol: 'http' })),
    ),
    histogram(
      [
        'traefik_service_request_duration_seconds',
        'How long it took to process the request on a service, partitioned by status code, protocol, and method.',
      ],
      { ends: '0.1 0.3 0.5 1.2 5' },
      rows(parties, ({ slot }, { method, status }) => ({
        code: String(status),
        method,
        protocol: 'http',
        service: slot,
      })),
    ),
    counter(
      [
        'traefik_service_requests_total',
        'How many HTTP requests processed on a service, partitioned by status code, protocol, and method.',
      ],
      rows(parties, ({ slot }, { method, status }) => ({
        code: String(status),
        method,
        protocol: 'http',
        service: slot,
      })),
    ),
  ],
};

const CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'];
/** Each class has a series, also without requests. */
const everyClass = (
  parties: readonly Party[],
  classes: readonly string[],
  labels: (one: Party, code: string) => Labels,
) =>
  parties.flatMap((one) =>
    classes.map((code): Row<Durations> => {
      const alike = one.requests.filter(({ status }) => classOf(status) === code);
      const sum = (key: keyof Durations) => alike.reduce((added, request) => added + request[key], 0);
      return [labels(one, code), { fast: sum('fast'), slow: sum('slow') }];
    }),
  );

const haproxy: Page = {
  extras: {},
  page: (parties) => [
    numbers('gauge', ['haproxy_process_start_time_seconds', 'Start time in seconds'], [[{}, 1_795_916_350]]),
    counter(
      [
        'haproxy_frontend_http_responses_total',
        'Total number of HTTP responses with status 100-199 returned by this object since the worker process started',
      ],
      everyClass(parties, [...CLASSES, 'other'], (_, code) => ({ proxy: 'web', code })),
    ),
    counter(
      [
        'haproxy_backend_http_responses_total',
        'Total number of HTTP responses with status 100-199 returned by this object since the worker process started',
      ],
      everyClass(parties, [...CLASSES, 'other'], ({ slot }, code) => ({ proxy: slot, code })),
    ),
    numbers(
      'gauge',
      ['haproxy_backend_response_time_average_seconds', 'Avg. response time for last 1024 successful connections.'],
      parties.map(({ slot }) => [{ proxy: slot }, 0.041]),
    ),
    counter(
      [
        'haproxy_server_http_responses_total',
        'Total number of HTTP responses with status 100-199 returned by this object since the worker process started',
      ],
      everyClass(parties, [...CLASSES, 'other'], ({ slot }, code) => ({ proxy: slot, server: `${slot}-1`, code })),
    ),
  ],
};

/** One server of an upstream answers GET requests, another the others. */
const serverOf = ({ index }: Party, method: string) => `10.42.${index}.${method === 'GET' ? 17 : 18}:8080`;

/** The classes of each server of an upstream. */
const everyServer = (parties: readonly Party[], labels: (one: Party, server: string, code: string) => Labels) =>
  ['GET', 'POST'].flatMap((method) =>
    everyClass(
      parties.map((one) => ({ ...one, requests: one.requests.filter((request) => request.method === method) })),
      CLASSES,
      (one, code) => labels(one, serverOf(one, method), code),
    ),
  );

const nginxPlus: Page = {
  extras: {},
  page: (parties) => [
    numbers('counter', ['nginxplus_http_requests_total', 'Total http requests'], [[{}, 151_000]]),
    counter(
      ['nginxplus_server_zone_responses', 'Total responses sent to clients'],
      everyClass(parties, CLASSES, (_, code) => ({ code, server_zone: 'web' })),
    ),
    numbers(
      'gauge',
      ['nginxplus_upstream_server_response_time', 'Average time to get the full response from the server'],
      parties.map((one) => [{ server: serverOf(one, 'GET'), upstream: one.slot }, 41]),
    ),
    counter(
      ['nginxplus_upstream_server_responses', 'Total responses sent to clients'],
      everyServer(parties, ({ slot }, server, code) => ({ code, server, upstream: slot })),
    ),
    numbers('gauge', ['nginxplus_up', 'Status of the last metric scrape'], [[{}, 1]]),
  ],
};

const nginxVts: Page = {
  extras: {},
  page(parties) {
    const upstream = ({ slot }: Party, backend: string) => ({ upstream: slot, backend });
    const byClass = everyServer(parties, (one, backend, code) => ({ ...upstream(one, backend), code }));
    const byServer = rows(parties, (one, { method }) => upstream(one, serverOf(one, method)));
    return [
      numbers('gauge', ['nginx_vts_start_time_seconds', 'nginx start time'], [[{}, 1_795_916_350]]),
      counter(
        ['nginx_vts_server_requests_total', 'requests counter'],
        everyClass(parties, CLASSES, ({ service }, code) => ({ host: `${service}.example.com`, code })),
      ),
      counter(
        ['nginx_vts_upstream_requests_total', 'upstream requests counter'],
        [...byClass, ...byServer.map(([labels, request]): Row<Durations> => [{ ...labels, code: 'total' }, request])],
      ),
      histogram(
        ['nginx_vts_upstream_request_duration_seconds', 'The histogram of request processing time including upstream'],
        { ends: '0.005 0.010 0.050 0.100 0.500 1.000 5.000 10.000' },
        byServer,
      ),
    ];
  },
};

const kong: Page = {
  extras: {},
  page(parties) {
    const route = ({ slot }: Party): Labels => ({ service: slot, route: 'shop-web' });
    const timed = rows(parties, (one) => ({ ...route(one), workspace: 'default' }));
    const latency = { ends: '25 50 80 100 250 400 700 1000 2000 5000 10000 30000 60000', perSecond: 1_000 };
    return [
      numbers('gauge', ['kong_datastore_reachable', 'Datastore reachable from Kong, 0 is unreachable'], [[{}, 1]]),
      counter(
        ['kong_http_requests_total', 'HTTP status codes per consumer/service/route in Kong'],
        rows(parties, (one, { status }) => ({
          ...route(one),
          code: String(status),
          source: status === 503 ? 'kong' : 'service',
          workspace: 'default',
          consumer: status === 201 ? 'mobile' : '',
        })),
      ),
      histogram(
        ['kong_request_latency_ms', 'Total latency incurred during requests for each service/route in Kong'],
        latency,
        timed,
      ),
      histogram(
        ['kong_upstream_latency_ms', 'Latency added by upstream response for each service/route in Kong'],
        latency,
        timed,
      ),
    ];
  },
};

const springBoot: Page = {
  extras: { selector: '{application="shop",uri!~"/actuator.*"}' },
  page(parties) {
    const labels = (one: Party, { method, path, status }: Pick<Request, 'method' | 'path' | 'status'>): Labels => ({
      ...target(one),
      application: one.service,
      error: status >= 500 ? 'IllegalStateException' : 'none',
      exception: status >= 500 ? 'IllegalStateException' : 'none',
      method,
      outcome: status >= 500 ? 'SERVER_ERROR' : status >= 400 ? 'CLIENT_ERROR' : 'SUCCESS',
      status: String(status),
      uri: path,
      version: one.version,
    });
    const probes = parties.map(
      (one): Row<Durations> => [
        labels(one, { method: 'GET', path: '/actuator/health', status: one.isGreen ? 503 : 200 }),
        PROBES,
      ],
    );
    const all = [...rows(parties, labels), ...probes];
    return [
      histogram(['http_server_requests_seconds', ''], { ends: '0.05 0.1 0.25 0.5 1.0 2.5' }, all),
      numbers(
        'gauge',
        ['http_server_requests_seconds_max', ''],
        all.map(([given]) => [given, 2]),
      ),
      numbers(
        'gauge',
        ['process_start_time_seconds', 'Start time of the process since unix epoch.'],
        parties.map((one) => [{ ...target(one), application: one.service, version: one.version }, 1_795_916_350]),
      ),
    ];
  },
};

/** The resource of each process, as a Collector exports it. */
function targetInfo(parties: readonly Party[], add: Labels): string {
  return numbers(
    'gauge',
    ['target_info', 'Target metadata'],
    parties.map((one) => [
      {
        ...resource(one),
        host_name: `${one.slot}-7d9f-17`,
        k8s_pod_name: `${one.slot}-7d9f-17`,
        service_version: one.version,
        ...add,
      },
      1,
    ]),
  );
}
const resource = ({ service, index }: Party): Labels => ({
  instance: `${service}-5f1c-${index}`,
  job: `prod/${service}`,
});

function otelHttp(scope: Labels, sdk: Labels): Page {
  return {
    extras: { selector: '{job="prod/shop",http_route!="/health"}' },
    page(parties) {
      const labels = (one: Party, { method, path, status }: Pick<Request, 'method' | 'path' | 'status'>): Labels => ({
        ...resource(one),
        ...scope,
        ...(status >= 500 && { error_type: String(status) }),
        http_request_method: method,
        http_response_status_code: String(status),
        http_route: path,
        network_protocol_version: '1.1',
        url_scheme: 'http',
      });
      const probes = parties.map(
        (one): Row<Durations> => [
          labels(one, { method: 'GET', path: '/health', status: one.isGreen ? 503 : 200 }),
          PROBES,
        ],
      );
      return [
        numbers(
          'gauge',
          ['http_server_active_requests', 'Number of active HTTP server requests.'],
          parties.map((one) => [{ ...resource(one), ...scope, http_request_method: 'GET', url_scheme: 'http' }, 3]),
        ),
        histogram(['http_server_request_duration_seconds', 'Duration of HTTP server requests.'], { ends: OTEL_ENDS }, [
          ...rows(parties, labels),
          ...probes,
        ]),
        targetInfo(parties, sdk),
      ];
    },
  };
}

const otelGrpc: Page = {
  extras: { selector: '{job="prod/shop",rpc_method!~"grpc.health.v1.Health/.*"}' },
  page(parties) {
    const labels = (one: Party, method: string, code: string, isError: boolean): Labels => ({
      ...resource(one),
      ...(isError && { error_type: code }),
      otel_scope_name: 'go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc',
      otel_scope_version: '0.72.0',
      rpc_method: method,
      rpc_response_status_code: code,
      rpc_system_name: 'grpc',
    });
    const probes = parties.map(
      (one): Row<Durations> => [
        labels(one, 'grpc.health.v1.Health/Check', one.isGreen ? 'UNAVAILABLE' : 'OK', one.isGreen),
        PROBES,
      ],
    );
    const all = rows(parties, (one, { call, grpc, status }) =>
      labels(one, `shop.v1.Catalog/${call}`, grpc[1], status >= 500),
    );
    return [
      histogram(
        ['rpc_server_call_duration_seconds', 'Measures the duration of an incoming Remote Procedure Call (RPC).'],
        { ends: OTEL_ENDS },
        [...all, ...probes],
      ),
      targetInfo(parties, { telemetry_sdk_language: 'go', telemetry_sdk_version: '1.47.0' }),
    ];
  },
};

const goGrpc: Page = {
  extras: { selector: '{job="shop",grpc_service!="grpc.health.v1.Health"}' },
  page(parties) {
    const method = (one: Party, service: string, call: string): Labels => ({
      grpc_method: call,
      grpc_service: service,
      grpc_type: 'unary',
      ...versionedTarget(one),
    });
    const catalog = (one: Party, { call }: Request) => method(one, 'shop.v1.Catalog', call);
    const probes = (add: (one: Party) => Labels) =>
      parties.map((one): Row<Durations> => [{ ...add(one), ...method(one, 'grpc.health.v1.Health', 'Check') }, PROBES]);
    return [
      counter(
        [
          'grpc_server_handled_total',
          'Total number of RPCs completed on the server, regardless of success or failure.',
        ],
        [
          ...rows(parties, (one, request) => ({ grpc_code: request.grpc[0], ...catalog(one, request) })),
          ...probes(({ isGreen }) => ({ grpc_code: isGreen ? 'Unavailable' : 'OK' })),
        ],
      ),
      histogram(
        [
          'grpc_server_handling_seconds',
          'Histogram of response latency (seconds) of gRPC that had been application-level handled by the server.',
        ],
        { ends: CLIENT_ENDS },
        [...rows(parties, catalog), ...probes(() => ({}))],
      ),
      counter(
        ['grpc_server_started_total', 'Total number of RPCs started on the server.'],
        [...rows(parties, catalog), ...probes(() => ({}))],
      ),
    ];
  },
};

const django: Page = {
  extras: { selector: { job: 'shop' } },
  page(parties) {
    const view = ({ path }: Request) =>
      path === '/orders' ? 'orders' : path === '/items' ? 'items' : '<unnamed view>';
    return [
      histogram(
        [
          'django_http_requests_latency_including_middlewares_seconds',
          'Histogram of requests processing time (including middleware processing time).',
        ],
        { ends: '0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1.0 2.5 5.0 7.5 10.0 25.0 50.0 75.0' },
        rows(parties, versionedTarget),
      ),
      counter(
        ['django_http_responses_total_by_status_total', 'Count of responses by status.'],
        rows(parties, (one, { status }) => ({ status: String(status), ...versionedTarget(one) })),
      ),
      counter(
        ['django_http_responses_total_by_status_view_method_total', 'Count of responses by status, view, method.'],
        rows(parties, (one, request) => ({
          method: request.method,
          status: String(request.status),
          view: view(request),
          ...versionedTarget(one),
        })),
      ),
    ];
  },
};

const fastapi: Page = {
  extras: { selector: '{job="shop",handler!="/metrics"}' },
  page(parties) {
    const probes = (add: Labels) =>
      parties.map(
        (one): Row<Durations> => [{ handler: '/metrics', method: 'GET', ...add, ...versionedTarget(one) }, PROBES],
      );
    const handled = (one: Party, { method, path, status }: Request): Labels => ({
      handler: status === 404 ? 'none' : path,
      method,
      ...versionedTarget(one),
    });
    return [
      counter(
        ['http_requests_total', 'Total number of requests by method, status and handler.'],
        [
          ...rows(parties, (one, request) => ({ ...handled(one, request), status: classOf(request.status) })),
          ...probes({ status: '2xx' }),
        ],
      ),
      histogram(
        ['http_request_duration_highr_seconds', 'Latency with many buckets but no API specific labels.'],
        { ends: '0.01 0.05 0.1 0.25 0.5 1.0 2.5 5.0 10.0 30.0 60.0' },
        [...rows(parties, versionedTarget), ...parties.map((one): Row<Durations> => [versionedTarget(one), PROBES])],
      ),
      histogram(
        ['http_request_duration_seconds', 'Latency with only few buckets by handler.'],
        { ends: '0.1 0.5 1.0' },
        [...rows(parties, handled), ...probes({})],
      ),
    ];
  },
};

const express: Page = {
  extras: { selector: '{job="shop",path!="/health"}' },
  page(parties) {
    const labels = (one: Party, { method, path, status }: Pick<Request, 'method' | 'path' | 'status'>): Labels => ({
      status_code: String(status),
      method,
      path,
      ...versionedTarget(one),
    });
    const probes = parties.map(
      (one): Row<Durations> => [
        labels(one, { method: 'GET', path: '/health', status: one.isGreen ? 503 : 200 }),
        PROBES,
      ],
    );
    return [
      histogram(
        [
          'http_request_duration_seconds',
          'duration histogram of http responses labeled with: status_code, method, path, version',
        ],
        { ends: '0.003 0.03 0.1 0.3 0.5 1.5 10' },
        [...rows(parties, labels), ...probes],
      ),
      numbers(
        'gauge',
        ['up', '1 = up, 0 = not up'],
        parties.map((one) => [target(one), 1]),
      ),
    ];
  },
};

const PAGES: Readonly<Record<PresetName, Page>> = {
  istio,
  'envoy-gateway': envoyGateway,
  linkerd,
  'ingress-nginx': ingressNginx,
  traefik,
  haproxy,
  'nginx-plus': nginxPlus,
  'nginx-vts': nginxVts,
  kong,
  'spring-boot': springBoot,
  'opentelemetry-http': otelHttp(
    { otel_scope_name: 'io.opentelemetry.tomcat-10.0', otel_scope_version: '2.20.0-alpha' },
    { telemetry_sdk_language: 'java', telemetry_sdk_version: '1.54.0' },
  ),
  'opentelemetry-grpc': otelGrpc,
  'go-grpc': goGrpc,
  'aspnet-core': otelHttp(
    { otel_scope_name: 'Microsoft.AspNetCore.Hosting' },
    { telemetry_sdk_language: 'dotnet', telemetry_sdk_version: '1.13.0' },
  ),
  django,
  fastapi,
  express,
};
