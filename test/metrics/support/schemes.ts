import { PRESETS, type PresetName } from '../../../src/metrics/presets.ts';
import { presetExtras, presetPage } from './preset-pages.ts';

/** How services count their requests: label schemes as they are found, each with the keys of a runbook that reads it. */

/** What one side has served since it started. `slow` requests took over 500 ms, and are among the answered ones. */
export interface Served {
  readonly answered: number;
  readonly failed: number;
  readonly slow: number;
}

interface Side extends Served {
  readonly version: string;
  readonly slot: string;
}

export interface Scheme {
  readonly name: string;
  readonly keys: Readonly<Record<string, unknown>>;
  readonly measuresLatency: boolean;
  readonly page: (blue: Side, green: Side) => string;
}

/** A scheme by the lines of one side, and those that belong to neither. */
interface Lines extends Omit<Scheme, 'page'> {
  readonly lines: (side: Side) => readonly string[];
  readonly others?: readonly string[];
}

export const VERSIONS = { blue: '2.4.0', green: '2.5.0' };
export const SLOTS = { [VERSIONS.blue]: 'rec-blue', [VERSIONS.green]: 'rec-green' };

type LabelValues = Readonly<Record<string, string>>;

function line(metric: string, labels: LabelValues, value: number): string {
  const all = Object.entries(labels).map(([label, text]) => `${label}=${JSON.stringify(text)}`);
  return `${metric}{${all.join(',')}} ${value}`;
}

function histogram(metric: string, labels: LabelValues, { answered, failed, slow }: Served, perSecond = 1): string[] {
  const all = answered + failed;
  const bucket = (le: string, count: number) => line(`${metric}_bucket`, { ...labels, le }, count);
  return [
    bucket(String(0.1 * perSecond), 0),
    bucket(String(0.5 * perSecond), all - slow),
    bucket(String(2.5 * perSecond), all),
    bucket('+Inf', all),
    line(`${metric}_sum`, labels, perSecond * (0.2 * (all - slow) + 2 * slow)),
    line(`${metric}_count`, labels, all),
  ];
}

/** One series of answered requests and one of failed ones. */
function byLabel(
  metric: string,
  label: string,
  [good, bad]: readonly [string, string],
  labels: (side: Side) => LabelValues,
) {
  return (side: Side) => [
    line(metric, { ...labels(side), [label]: good }, side.answered),
    line(metric, { ...labels(side), [label]: bad }, side.failed),
  ];
}

const version = (side: Side) => ({ version: side.version });
const pod = (side: Side) => ({ pod: `rec-${side.version.replaceAll('.', '-')}-7d9f-x2x` });

const BY_HAND: readonly Lines[] = [
  {
    name: 'a version label and a status',
    keys: { requests: 'http_requests_total', latency: 'http_request_duration_seconds' },
    lines: (side) => [
      ...byLabel('http_requests_total', 'code', ['200', '503'], version)(side),
      ...histogram('http_request_duration_seconds', version(side), side),
    ],
    measuresLatency: true,
  },
  {
    name: 'a version written with a v, and classes of statuses',
    keys: { requests: 'requests_total', codeLabel: 'status', versionLabel: 'app_version', versionValue: 'v{version}' },
    lines: byLabel('requests_total', 'status', ['2xx', '5xx'], (side) => ({ app_version: `v${side.version}` })),
    measuresLatency: false,
  },
  {
    name: 'two backends of HAProxy, and the latency of the application',
    keys: {
      requests: 'haproxy_backend_http_responses_total',
      slotLabel: 'proxy',
      latency: { metric: 'app_request_duration_seconds', versionLabel: 'version' },
    },
    lines: (side) => [
      ...byLabel('haproxy_backend_http_responses_total', 'code', ['2xx', '5xx'], ({ slot }) => ({ proxy: slot }))(side),
      ...histogram('app_request_duration_seconds', version(side), side),
    ],
    others: [line('haproxy_backend_http_responses_total', { proxy: 'checkout', code: '2xx' }, 7_000)],
    measuresLatency: true,
  },
  {
    name: 'two workloads behind Istio, whose histogram is in milliseconds',
    keys: {
      requests: 'istio_requests_total',
      codeLabel: 'response_code',
      latency: 'istio_request_duration_milliseconds',
      versionSelector: { destination_workload: '{slot}' },
      selector: { reporter: 'destination' },
    },
    lines: (side) => {
      const labels = { destination_workload: side.slot, reporter: 'destination' };
      return [
        ...byLabel('istio_requests_total', 'response_code', ['200', '503'], () => labels)(side),
        ...byLabel('istio_requests_total', 'response_code', ['200', '0'], () => ({ ...labels, reporter: 'source' }))(
          side,
        ),
        ...histogram('istio_request_duration_milliseconds', labels, side, 1_000),
      ];
    },
    measuresLatency: true,
  },
  {
    name: 'pods whose names hold the version',
    keys: {
      requests: 'http_requests_total',
      codeLabel: 'status',
      latency: 'http_request_duration_seconds',
      versionSelector: '{pod=~"rec-{version}-.*"}',
      versionValue: { replace: { '.': '-' } },
    },
    lines: (side) => [
      ...byLabel('http_requests_total', 'status', ['200', '500'], pod)(side),
      ...histogram('http_request_duration_seconds', pod(side), side),
    ],
    others: [line('http_requests_total', { pod: 'recorder-2-5-0-a', status: '500' }, 9_000)],
    measuresLatency: true,
  },
  {
    name: 'a label that only green has',
    keys: { requests: 'http_requests_total', versionSelector: { blue: '{canary=""}', green: '{canary!=""}' } },
    lines: byLabel(
      'http_requests_total',
      'code',
      ['200', '502'],
      (side): LabelValues => (side.slot === 'rec-green' ? { canary: 'yes' } : {}),
    ),
    measuresLatency: false,
  },
  {
    name: "OpenTelemetry's target_info",
    keys: {
      requests: 'http_server_request_duration_seconds_count',
      codeLabel: 'http_response_status_code',
      latency: 'http_server_request_duration_seconds',
      versionLabel: 'service_version',
      join: { metric: 'target_info', on: ['instance_id'] },
    },
    lines: (side) => {
      const labels = { instance_id: `i-${side.slot}` };
      return [
        line('target_info', { ...labels, service_version: side.version, service_name: 'rec' }, 1),
        ...['200', '500'].flatMap((code) =>
          histogram(
            'http_server_request_duration_seconds',
            { ...labels, http_response_status_code: code },
            {
              answered: code === '200' ? side.answered : side.failed,
              failed: 0,
              slow: code === '200' ? side.slow : 0,
            },
          ),
        ),
      ];
    },
    measuresLatency: true,
  },
  {
    name: 'kube_pod_labels',
    keys: {
      requests: 'http_requests_total',
      versionLabel: 'label_app_kubernetes_io_version',
      join: { metric: 'kube_pod_labels', on: ['namespace', 'pod'], selector: { namespace: 'shop' } },
      selector: { namespace: 'shop' },
    },
    lines: (side) => {
      const labels = { namespace: 'shop', ...pod(side) };
      return [
        line('kube_pod_labels', { ...labels, label_app_kubernetes_io_version: side.version }, 1),
        line('kube_pod_labels', { ...labels, namespace: 'other', label_app_kubernetes_io_version: 'x' }, 1),
        ...byLabel('http_requests_total', 'code', ['200', '500'], () => labels)(side),
      ];
    },
    measuresLatency: false,
  },
  {
    name: 'gRPC codes by name',
    keys: {
      requests: 'grpc_server_handled_total',
      codeLabel: 'grpc_code',
      failed: 'grpc',
      latency: 'grpc_server_handling_seconds',
    },
    lines: (side) => [
      ...byLabel('grpc_server_handled_total', 'grpc_code', ['NotFound', 'Internal'], version)(side),
      ...histogram('grpc_server_handling_seconds', version(side), side),
    ],
    measuresLatency: true,
  },
  {
    name: 'gRPC codes by number',
    keys: { requests: 'rpc_total', codeLabel: 'grpc_response_status', failed: 'grpc', slotLabel: 'workload' },
    lines: byLabel('rpc_total', 'grpc_response_status', ['0', '14'], ({ slot }) => ({ workload: slot })),
    measuresLatency: false,
  },
  {
    name: "Linkerd's classification",
    keys: {
      requests: 'response_total',
      codeLabel: 'classification',
      failed: { answered: ['success'] },
      latency: 'response_latency_ms',
      selector: { direction: 'inbound' },
      slotLabel: 'deployment',
    },
    lines: (side) => {
      const labels = { deployment: side.slot, direction: 'inbound' };
      return [
        ...byLabel('response_total', 'classification', ['success', 'failure'], () => labels)(side),
        ...histogram('response_latency_ms', labels, side, 1_000),
      ];
    },
    measuresLatency: true,
  },
  {
    name: 'a second counter of failed requests',
    keys: { requests: 'jobs_total', failed: { counter: 'jobs_failed_total' } },
    lines: (side) => [
      line('jobs_total', version(side), side.answered + side.failed),
      line('jobs_failed_total', { ...version(side), reason: 'timeout' }, side.failed),
    ],
    measuresLatency: false,
  },
  {
    name: 'a second counter of answered requests',
    keys: { requests: 'calls_total', failed: { answeredCounter: 'calls_ok_total' }, latency: 'call_seconds' },
    lines: (side) => [
      line('calls_total', version(side), side.answered + side.failed),
      line('calls_ok_total', version(side), side.answered),
      ...histogram('call_seconds', version(side), side),
    ],
    measuresLatency: true,
  },
  {
    name: "the count of Micrometer's summary, and its outcome",
    keys: {
      requests: 'http_server_requests_seconds_count',
      codeLabel: 'outcome',
      failed: { values: ['SERVER_ERROR'] },
    },
    lines: byLabel('http_server_requests_seconds_count', 'outcome', ['CLIENT_ERROR', 'SERVER_ERROR'], version),
    measuresLatency: false,
  },
  {
    name: "classes of statuses as Envoy's clusters count them",
    keys: {
      requests: 'envoy_cluster_upstream_rq_xx',
      codeLabel: 'envoy_response_code_class',
      failed: { values: ['5'] },
      latency: { metric: 'envoy_cluster_upstream_rq_time', unit: 'milliseconds' },
      slotLabel: 'envoy_cluster_name',
    },
    lines: (side) => {
      const labels = { envoy_cluster_name: side.slot };
      return [
        ...byLabel('envoy_cluster_upstream_rq_xx', 'envoy_response_code_class', ['2', '5'], () => labels)(side),
        ...histogram('envoy_cluster_upstream_rq_time', labels, side, 1_000),
      ];
    },
    measuresLatency: true,
  },
  {
    name: 'statuses of which 429 is a failure',
    keys: { requests: 'http_requests_total', failed: { status: ['5xx', 429] } },
    lines: byLabel('http_requests_total', 'code', ['404', '429'], version),
    measuresLatency: false,
  },
  {
    name: 'a short commit id, and a pattern of failures',
    keys: {
      requests: 'http_requests_total',
      versionLabel: 'commit',
      versionValue: { replace: { '.': 'abc' }, length: 5 },
      failed: { pattern: '5..|timeout' },
    },
    lines: byLabel('http_requests_total', 'code', ['302', 'timeout'], (side) => ({
      commit: side.version.slice(0, 5).replaceAll('.', 'abc'),
    })),
    measuresLatency: false,
  },
];

/** Each preset, with what its page needs besides. */
const PRESET_SCHEMES = (Object.keys(PRESETS) as PresetName[]).map(
  (preset): Scheme => ({
    name: `the preset ${preset}`,
    keys: { preset, ...presetExtras(preset) },
    measuresLatency: 'latency' in PRESETS[preset].keys,
    page: (blue, green) => presetPage(preset, { blue, green }),
  }),
);

export const SCHEMES: readonly Scheme[] = [
  ...BY_HAND.map(
    ({ lines, others = [], ...scheme }): Scheme => ({
      ...scheme,
      page: (blue, green) => `${[...lines(blue), ...lines(green), ...others].join('\n')}\n`,
    }),
  ),
  ...PRESET_SCHEMES,
];

export function pageOf({ page }: Scheme, blue: Served, green: Served): string {
  const side = (name: 'blue' | 'green', served: Served): Side => ({
    version: VERSIONS[name],
    slot: `rec-${name}`,
    ...served,
  });
  return page(side('blue', blue), side('green', green));
}
