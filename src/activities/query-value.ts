import type { DeploymentTarget } from '../domain/index.ts';
import { fillPlaceholders } from '../processes/index.ts';
import { connect, instantValue } from '../prometheus/index.ts';
import type { QueryMetric } from '../runbook/index.ts';

/** What the query of a further metric is worth now, for `target.green` as the version; null where it has no value. */
export function queryOf(
  config: QueryMetric['config'],
  { service, environment, blue, green }: Pick<DeploymentTarget, 'service' | 'environment' | 'blue' | 'green'>,
  env: NodeJS.ProcessEnv,
): (signal: AbortSignal) => Promise<number | null> {
  const [promql = ''] = fillPlaceholders([config.query], { service, environment, blue, version: green });
  return async (signal) =>
    instantValue(await connect('Prometheus', { ...config, url: config.url ?? '' }, env), promql, signal);
}
