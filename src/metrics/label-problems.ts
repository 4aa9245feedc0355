import type { LabelValues } from './inspection.ts';

/** Labels whose values belong to one service, so that series that differ in them may be added up. */
const BELONGS = new RegExp(
  `^(${[
    // what was answered
    'code|le|quantile|status|status_code|(http_|grpc_)?(response_)?status(_code|_class)?|(http|response|grpc|rpc|error)_.*|outcome|result|error|exception|reason',
    // what was asked for
    'method|verb|request_method|route|path|handler|uri|url|url_.*|endpoint|action|controller|operation|resource|view|type|scheme|protocol|network_.*|request_.*',
    // which copy of the service, and where it runs
    'instance|pod|pod_name|pod_ip|controller_pod|node|node_name|container|container_id|container_name|replica|replicaset|pod_template_hash|revision|region|zone|az|pid|worker|worker_id',
    // the same in Linkerd and OpenTelemetry: the pod that a proxy counts for, the library that measures
    'target_addr|target_ip|target_port|srv_.*|authz_.*|otel_scope_.*',
    // who asked
    'source|source_.*|client|client_id|tls|no_tls_reason|consumer|caller|user_agent|tenant|connection_security_policy',
  ].join('|')})$`,
);

/** Labels that tell who counted a request: there is one series of each, and every request is in all of them. */
export const COUNTED_BY: readonly string[] = ['reporter', 'direction'];

/** Labels with several values of which nobody knows whether they are one service: `service`, `backend`, `host`. */
export function mixedLabels(
  series: readonly ReadonlyMap<string, string>[],
  known: readonly string[],
): readonly LabelValues[] {
  return severalValues(series).filter(
    ({ label }) => !known.includes(label) && !COUNTED_BY.includes(label) && !BELONGS.test(label),
  );
}

export function severalValues(series: readonly ReadonlyMap<string, string>[]): LabelValues[] {
  const found = new Map<string, Set<string>>();
  for (const labels of series)
    for (const [label, value] of labels) found.set(label, (found.get(label) ?? new Set()).add(value));
  return [...found].flatMap(([label, values]) => (values.size > 1 ? [{ label, values: [...values] }] : []));
}
