/** Runbook keys by the name of what counts the requests, so that nobody has to look up metrics and labels. */

interface PresetKeys {
  readonly requests: string;
  readonly codeLabel: string;
  readonly failed?: 'status' | 'grpc' | { readonly answered: readonly string[] };
  readonly latency?: string | { readonly metric: string; readonly unit: 'milliseconds' };
  readonly selector?: string;
  readonly versionLabel?: string;
  readonly slotLabel?: string;
  readonly versionSelector?: { readonly blue: string; readonly green: string };
  readonly join?: { readonly metric: string; readonly on: readonly string[] };
}

export interface Preset {
  /** One sentence: what is measured where. */
  readonly about: string;
  /** What the preset stands for, as a runbook writes it. */
  readonly keys: PresetKeys;
  /** One sentence: which label distinguishes blue and green, and what has to be set up for it. */
  readonly sides: string;
  readonly notes: readonly string[];
  /** Keys that the runbook still has to say. */
  readonly requires: readonly string[];
}

const OPERATOR_RENAMES = (label: string) =>
  `A ServiceMonitor of the Prometheus Operator renames the label ${label} to exported_${label} unless it has ` +
  'honorLabels: true. Write the name that Prometheus shows.';
const TARGET_VERSION =
  'The label version has to be set by the application, or by Prometheus from the label of the pod (podTargetLabels ' +
  'of a PodMonitor, or a relabeling).';
const OWN_COUNTS =
  'The application counts only what reaches it: requests fail uncounted while green cannot be reached. A router ' +
  'counts them.';
const PYTHON_PROCESSES =
  'With several worker processes set PROMETHEUS_MULTIPROC_DIR: otherwise each scrape reads the counters of another ' +
  'process.';

export const PRESETS = {
  // Source: istio/istio.io, content/en/docs/reference/config/metrics. The names are those of all versions since 1.5.
  istio: {
    about: "Istio's sidecars, waypoints or gateways count HTTP and gRPC requests by the workload that they go to.",
    keys: {
      requests: 'istio_requests_total',
      codeLabel: 'response_code',
      failed: 'status',
      latency: 'istio_request_duration_milliseconds',
      versionLabel: 'destination_version',
    },
    sides:
      'The label destination_version holds the label version of the pods, so the pods of blue and green need one each.',
    notes: [
      'Both proxies of a request count it: select one reporter. destination is the sidecar of the service, waypoint ' +
        'the waypoint of an ambient mesh, source the gateway or the sidecar of the caller.',
      'Only reporter="source" counts requests that do not reach green. If no pod was chosen, such a request has ' +
        'destination_version="unknown" and belongs to neither version.',
      'Pods without the label version: use versionSelector with destination_workload, or slotLabel: ' +
        'destination_workload.',
      'response_code is 0 if the client hung up before the answer. That counts as failed; leave it out with ' +
        'response_code!="0".',
      'For gRPC response_code is mostly 200, also for errors. Set codeLabel: grpc_response_status and failed: grpc, ' +
        'and select request_protocol="grpc".',
    ],
    requires: ['selector'],
  },

  // Source: envoyproxy/envoy, docs/root/configuration/upstream/cluster_manager/cluster_stats.rst;
  // envoyproxy/gateway, internal/ir/xds.go (NeedsClusterPerSetting), as of 1.8. Read on a running Envoy 1.40.
  'envoy-gateway': {
    about: 'The Envoys of Envoy Gateway, or any other Envoy, count the answers of each upstream cluster.',
    keys: {
      requests: 'envoy_cluster_upstream_rq',
      codeLabel: 'envoy_response_code',
      failed: 'status',
      latency: { metric: 'envoy_cluster_upstream_rq_time', unit: 'milliseconds' },
      slotLabel: 'envoy_cluster_name',
    },
    sides:
      'The label envoy_cluster_name is the slot, such as httproute/shop/shop/rule/0/backend/0, so blue and green ' +
      'need a cluster each.',
    notes: [
      'Envoy Gateway puts all backendRefs of a rule into one cluster, in which nothing distinguishes blue and ' +
        'green. Give each backendRef a filter, such as a RequestHeaderModifier that sets a header: then each has a ' +
        'cluster, which ends in /backend/0 or /backend/1.',
      'With HTTPRoutes say which cluster is which slot: slotValue: { SLOT: httproute/.../backend/0, SLOT: httproute/.../backend/1 }.',
      'Do not set clusterStatName in EnvoyProxy: all clusters of a rule then have the same name in the metrics.',
      'The name of the histogram does not say that it is in milliseconds; the preset does.',
      'Requests that Envoy answers itself (no connection, timeout) count as failed but have no duration.',
      'Envoy adds up durations every 5 s (stats_flush_interval): slow requests are seen so much later than failed ones.',
      'Retried answers are not counted, only the last one of each request.',
    ],
    requires: [],
  },

  // Source: linkerd/website, linkerd.io/content/2-edge/reference/proxy-metrics.md; linkerd/linkerd2-proxy,
  // linkerd/app/core/src/metrics.rs.
  linkerd: {
    about: "Linkerd's proxies in the pods of the service count the responses by classification.",
    keys: {
      requests: 'response_total',
      codeLabel: 'classification',
      failed: { answered: ['success'] },
      latency: 'response_latency_ms',
      slotLabel: 'deployment',
    },
    sides:
      'The label deployment is the slot, so blue and green are two Deployments. The proxy does not write it: ' +
      "Linkerd's scrape configuration for Prometheus adds it.",
    notes: [
      'The proxies of caller and service both count a response: select direction="inbound".',
      "kind: scrape reads the proxy's page, which has no label deployment. Read the pages of the callers instead: " +
        'direction="outbound" and slotLabel: dst_deployment.',
      'request_total has no classification; response_total counts when the response ends.',
      'A failure is a status from 500 on, or a gRPC status of a server fault.',
      'The latency is the time to the first byte. Its histogram has no label classification, so do not select by it.',
      'Inbound counts nothing while green cannot be reached.',
    ],
    requires: ['selector'],
  },

  // Source: kubernetes/ingress-nginx, internal/ingress/metric/collectors/socket.go and
  // rootfs/etc/nginx/lua/monitor.lua (1.x).
  'ingress-nginx': {
    about: 'The controller ingress-nginx counts the requests of each Ingress, canary or not.',
    keys: {
      requests: 'nginx_ingress_controller_requests',
      codeLabel: 'status',
      failed: 'status',
      latency: 'nginx_ingress_controller_request_duration_seconds',
      versionSelector: { blue: '{canary=""}', green: '{canary!=""}' },
    },
    sides:
      'The label canary is empty for the main Ingress and names the upstream of the canary Ingress, so green has to ' +
      'be behind the canary Ingress.',
    notes: [
      'The labels ingress and service are those of the main Ingress, also for requests of the canary. Use neither ' +
        'as a slot.',
      'If the main Ingress is changed to green during the deployment, the requests of green count as those of blue.',
      OPERATOR_RENAMES('namespace'),
      'status is 499 if the client hung up, and 000 if nothing was sent. 499 counts as answered, 000 as failed.',
      'Without --metrics-per-host=false there is a label host: select one if the Ingress has several, or host=~".+".',
      'Above 10,000 requests per second and worker process the controller drops counts (--monitor-max-batch-size).',
      'The histogram has a bucket at 500 ms by default; --time-buckets sets others.',
    ],
    requires: ['selector'],
  },

  // Source: traefik/traefik, pkg/observability/metrics/prometheus.go and
  // docs/content/observability/metrics/overview.md (v3). Read on a running Traefik 3.6.
  traefik: {
    about: 'Traefik counts the requests of each of its services.',
    keys: {
      requests: 'traefik_service_requests_total',
      codeLabel: 'code',
      failed: 'status',
      latency: 'traefik_service_request_duration_seconds',
      slotLabel: 'service',
    },
    sides:
      'The label service is the slot, with its provider (shop-blue@file), so blue and green are two services below ' +
      'a weighted one.',
    notes: [
      'The default buckets end at 0.1, 0.3, 1.2 and 5 s. Add the latency limit to metrics.prometheus.buckets.',
      'The weighted service itself has no counts; name the two services below it.',
      'On Kubernetes, with HTTPRoutes: slotValue: "NAMESPACE-{slot}-http-PORT@kubernetesgateway".',
      OPERATOR_RENAMES('service'),
      'Retries of the middleware retry are counted one by one.',
      'Needs addServicesLabels, which is on by default.',
    ],
    requires: [],
  },

  // Source: haproxy/haproxy, addons/promex/README; read on a running HAProxy 2.6. The names are those of all versions
  // since 2.0.
  haproxy: {
    about:
      "HAProxy's own exporter (http-request use-service prometheus-exporter) counts the responses of each backend.",
    keys: {
      requests: 'haproxy_backend_http_responses_total',
      codeLabel: 'code',
      failed: 'status',
      slotLabel: 'proxy',
    },
    sides: 'The label proxy is the slot: the name of the backend, so blue and green are two backends.',
    notes: [
      'HAProxy has no histogram, only averages. Leave limits.latency out, or name a histogram of the application in ' +
        'latency.',
      'Blue and green are two servers of one backend: use haproxy_server_http_responses_total with slotLabel: ' +
        'server and select the proxy. It does not count the 503 that HAProxy sends when it cannot connect to a ' +
        'server; the counter of the backend does.',
      'code is a class (5xx), or other. other counts as failed.',
      'On a connection that a client uses again, a request that the application drops without an answer is in no response ' +
        'count. haproxy_backend_sessions_total has it: docs/routers.md says how to count it.',
      'A reload starts a new process with new counters. The old one finishes its connections uncounted.',
      'Not for haproxy_exporter, a separate program that is retired.',
    ],
    requires: [],
  },

  // Source: nginx/nginx-prometheus-exporter, README.md (1.5).
  'nginx-plus': {
    about: 'nginx-prometheus-exporter reads the API of NGINX Plus: responses of each server of an upstream.',
    keys: {
      requests: 'nginxplus_upstream_server_responses',
      codeLabel: 'code',
      failed: 'status',
      selector: '{server=~".*"}',
      slotLabel: 'upstream',
    },
    sides: 'The label upstream is the slot, so blue and green are two upstreams, each with a zone.',
    notes: [
      'There is no histogram, only averages. Leave limits.latency out, or name a histogram of the application in ' +
        'latency.',
      'The preset adds up all servers of an upstream. Keep server=~".*" if you write a selector.',
      'A request that is passed to the next server counts once for each server that answered it.',
      'Requests that a server does not answer may count only in nginxplus_upstream_server_fails (not tested).',
      'Open source NGINX has no counts by upstream: see nginx-vts.',
    ],
    requires: [],
  },

  // Source: vozlt/nginx-module-vts, src/ngx_http_vhost_traffic_status_display_prometheus.h (0.2).
  'nginx-vts': {
    about: 'The module nginx-module-vts of NGINX counts the requests of each server of an upstream.',
    keys: {
      requests: 'nginx_vts_upstream_requests_total',
      codeLabel: 'code',
      failed: 'status',
      latency: 'nginx_vts_upstream_request_duration_seconds',
      selector: '{code!="total",backend=~".*"}',
      slotLabel: 'upstream',
    },
    sides: 'The label upstream is the slot, so blue and green are two upstream blocks.',
    notes: [
      'The histogram is there only with vhost_traffic_status_histogram_buckets, such as 0.05 0.1 0.25 0.5 1 5.',
      'Some versions also have the sum of all codes as code="total", which the preset leaves out. Keep ' +
        'code!="total" and backend=~".*" if you write a selector.',
      'vhost_traffic_status_zone has to be on, and its zone large enough (vhost_traffic_status_zone shared:...:32m).',
    ],
    requires: [],
  },

  // Source: Kong/kong, kong/plugins/prometheus/exporter.lua (3.x; other names before 3.0).
  kong: {
    about: "Kong's plugin prometheus counts the requests of each Kong service.",
    keys: {
      requests: 'kong_http_requests_total',
      codeLabel: 'code',
      failed: 'status',
      latency: 'kong_request_latency_ms',
      slotLabel: 'service',
    },
    sides: 'The label service is the slot, so blue and green are two Kong services.',
    notes: [
      'Set status_code_metrics and latency_metrics of the plugin to true: without them there are no such metrics ' +
        '(since 3.0).',
      'Two targets of one Kong upstream share a service, and so do two backendRefs of one rule with the Kong ' +
        'Ingress Controller: nothing distinguishes them.',
      'The buckets end at 25, 50, 80, 100, 250, 400, 700, 1000 ms and so on; 500 ms is none of them. Choose a limit ' +
        'that is.',
      'The latency has no labels code, source and consumer, so do not select by their values.',
      OPERATOR_RENAMES('service'),
    ],
    requires: [],
  },

  // Source: spring-projects/spring-boot, reference documentation, Actuator: Metrics (3.x); Micrometer 1.13.
  'spring-boot': {
    about: 'Spring Boot with Micrometer counts the requests that the application answers (/actuator/prometheus).',
    keys: {
      requests: 'http_server_requests_seconds_count',
      codeLabel: 'status',
      failed: 'status',
      latency: 'http_server_requests_seconds',
      versionLabel: 'version',
    },
    sides: 'The label version is a common tag of the application: management.metrics.tags.version=2.5.0.',
    notes: [
      'There are no buckets unless you switch them on: ' +
        'management.metrics.distribution.percentiles-histogram.http.server.requests=true, or ' +
        'management.metrics.distribution.slo.http.server.requests=100ms,500ms,1s for fewer series.',
      'Select by application or job if Prometheus knows several services, and leave out uri=~"/actuator.*".',
      'WebFlux writes status="UNKNOWN" if the client hung up: leave it out with status!="UNKNOWN".',
      OWN_COUNTS,
    ],
    requires: ['selector'],
  },

  // Source: open-telemetry/semantic-conventions, docs/http/http-metrics.md (stable since 1.23).
  'opentelemetry-http': {
    about:
      'Instrumentations of OpenTelemetry with the stable HTTP conventions measure the requests that the application ' +
      'answers.',
    keys: {
      requests: 'http_server_request_duration_seconds_count',
      codeLabel: 'http_response_status_code',
      failed: 'status',
      latency: 'http_server_request_duration_seconds',
      versionLabel: 'service_version',
      join: { metric: 'target_info', on: ['job', 'instance'] },
    },
    sides:
      'The resource attribute service.version is the label service_version of target_info, so set it ' +
      '(OTEL_RESOURCE_ATTRIBUTES).',
    notes: [
      'Each process needs its own service.instance.id, otherwise one instance has two versions.',
      'Prometheus can copy the attribute to each series (otlp.promote_resource_attributes, or ' +
        'resource_to_telemetry_conversion in the Collector): then no join is needed.',
      "If Prometheus scrapes a Collector's exporter without honor_labels, the labels are exported_job and " +
        'exported_instance.',
      'Older instrumentations write http_server_duration_milliseconds with http_status_code; ' +
        'OTEL_SEMCONV_STABILITY_OPT_IN=http switches Java, Python and JavaScript over.',
      'A request without an answer has no status: leave it out with http_response_status_code!="".',
      OWN_COUNTS,
    ],
    requires: ['selector'],
  },

  // Source: open-telemetry/semantic-conventions, docs/rpc/rpc-metrics.md (names since 1.38);
  // open-telemetry/opentelemetry-go-contrib, otelgrpc/stats_handler.go (0.72).
  'opentelemetry-grpc': {
    about:
      'Instrumentations of OpenTelemetry with the current RPC conventions measure the calls that the application ' +
      'answers.',
    keys: {
      requests: 'rpc_server_call_duration_seconds_count',
      codeLabel: 'rpc_response_status_code',
      failed: 'grpc',
      latency: 'rpc_server_call_duration_seconds',
      versionLabel: 'service_version',
      join: { metric: 'target_info', on: ['job', 'instance'] },
    },
    sides:
      'The resource attribute service.version is the label service_version of target_info, so set it ' +
      '(OTEL_RESOURCE_ATTRIBUTES).',
    notes: [
      'otelgrpc for Go writes these names by default; others need OTEL_SEMCONV_STABILITY_OPT_IN=rpc.',
      'The names up to 1.37 are rpc_server_duration_milliseconds_count, rpc_grpc_status_code (numbers) and ' +
        'rpc_server_duration_milliseconds: write them as requests, codeLabel and latency.',
      'Streams last as long as the client wants: leave their rpc_method out of latency.',
      'Leave the health checks out: rpc_method!~"grpc.health.v1.Health/.*".',
      "If Prometheus scrapes a Collector's exporter without honor_labels, the labels are exported_job and " +
        'exported_instance.',
      OWN_COUNTS,
    ],
    requires: ['selector'],
  },

  // Source: grpc-ecosystem/go-grpc-middleware, providers/prometheus/server_metrics.go (1.1).
  'go-grpc': {
    about: 'go-grpc-middleware (providers/prometheus) counts the calls that a gRPC server in Go has handled.',
    keys: {
      requests: 'grpc_server_handled_total',
      codeLabel: 'grpc_code',
      failed: 'grpc',
      latency: 'grpc_server_handling_seconds',
      versionLabel: 'version',
    },
    sides: `${TARGET_VERSION} WithConstLabels and WithHistogramConstLabels set it in the application.`,
    notes: [
      'The histogram is there only with WithServerHandlingTimeHistogram().',
      'The histogram has no grpc_code, so do not select by it.',
      'Streams last as long as the client wants: select grpc_type="unary".',
      'Leave the health checks out: grpc_service!="grpc.health.v1.Health".',
      'The older go-grpc-prometheus has the same names.',
      OWN_COUNTS,
    ],
    requires: ['selector'],
  },

  // Source: dotnet/docs, docs/core/diagnostics/built-in-metrics-aspnetcore.md (.NET 8);
  // open-telemetry/opentelemetry-dotnet.
  'aspnet-core': {
    about:
      'ASP.NET Core from .NET 8 on, exported by OpenTelemetry, measures the requests that the application answers.',
    keys: {
      requests: 'http_server_request_duration_seconds_count',
      codeLabel: 'http_response_status_code',
      failed: 'status',
      latency: 'http_server_request_duration_seconds',
      versionLabel: 'service_version',
      join: { metric: 'target_info', on: ['job', 'instance'] },
    },
    sides:
      'The resource attribute service.version is the label service_version of target_info: ConfigureResource(r => ' +
      'r.AddService("shop", serviceVersion: "2.5.0")).',
    notes: [
      'Not for prometheus-net: its names are http_request_duration_seconds_count with code, and ' +
        'http_request_duration_seconds.',
      'Old exporters print no target_info: let Prometheus add a label version to the target, and write the keys ' +
        'without the preset.',
      'The meter Microsoft.AspNetCore.Hosting has to be added (AddAspNetCoreInstrumentation or AddMeter).',
      'Leave health checks out by http_route, or with DisableHttpMetrics() from .NET 9 on.',
      OWN_COUNTS,
    ],
    requires: ['selector'],
  },

  // Source: korfuri/django-prometheus, django_prometheus/middleware.py; read on a running django-prometheus 2.5 with
  // Django 5.2.
  django: {
    about: 'django-prometheus counts the responses that leave the views of a Django application.',
    keys: {
      requests: 'django_http_responses_total_by_status_view_method_total',
      codeLabel: 'status',
      failed: 'status',
      latency: 'django_http_requests_latency_including_middlewares_seconds',
      versionLabel: 'version',
    },
    sides: TARGET_VERSION,
    notes: [
      'Both middlewares are needed: PrometheusBeforeMiddleware as the first, PrometheusAfterMiddleware as the last.',
      'The latency has no labels view, method and status, so select by labels of the target only. ' +
        'django_http_requests_latency_seconds_by_view_method has views, but counts a request with an unhandled ' +
        'exception twice.',
      'What a middleware answers before the last one sees the request is in the latency but not in requests.',
      PYTHON_PROCESSES,
      OWN_COUNTS,
    ],
    requires: ['selector'],
  },

  // Source: trallnag/prometheus-fastapi-instrumentator, src/prometheus_fastapi_instrumentator/metrics.py; read on a
  // running 8.1.
  fastapi: {
    about: 'prometheus-fastapi-instrumentator counts the requests that a FastAPI or Starlette application answers.',
    keys: {
      requests: 'http_requests_total',
      codeLabel: 'status',
      failed: 'status',
      latency: 'http_request_duration_seconds',
      versionLabel: 'version',
    },
    sides: `${TARGET_VERSION} metrics.default(custom_labels={"version": "2.5.0"}) sets it in the application.`,
    notes: [
      'status is a class (5xx) unless should_group_status_codes is False.',
      'The buckets end at 0.1, 0.5 and 1 s; metrics.default(latency_lowr_buckets=...) sets others. The fine ' +
        'histogram http_request_duration_highr_seconds has no handler.',
      'The latency has no label status, so do not select by it.',
      'Leave out handler="/metrics" and the health checks.',
      PYTHON_PROCESSES,
      OWN_COUNTS,
    ],
    requires: ['selector'],
  },

  // Source: jochen-schweizer/express-prom-bundle, README.md; read on a running 8.0 with Express 5.
  express: {
    about: 'express-prom-bundle measures the requests that an Express application answers.',
    keys: {
      requests: 'http_request_duration_seconds_count',
      codeLabel: 'status_code',
      failed: 'status',
      latency: 'http_request_duration_seconds',
      versionLabel: 'version',
    },
    sides: "The label version is set by the application: customLabels: { version: '2.5.0' }.",
    notes: [
      'The default buckets end at 0.003, 0.03, 0.1, 0.3, 1.5 and 10 s. Add the latency limit to buckets.',
      'metricType: summary has no buckets.',
      'Clustered workers need the exporter for clusters (clusterMetrics).',
      OWN_COUNTS,
    ],
    requires: ['selector'],
  },
} as const satisfies Readonly<Record<string, Preset>>;

export type PresetName = keyof typeof PRESETS;
