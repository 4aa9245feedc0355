import type { Context } from '@temporalio/activity';
import { type DeploymentTarget, METRICS } from '../domain/index.ts';

/** Notes on the worker's page that green is watched now. A workflow cannot do this: it does not see how its window goes on. */
export function watchedMetric(
  { metricMeter }: Pick<Context, 'metricMeter'>,
  { service, environment }: Pick<DeploymentTarget, 'service' | 'environment'>,
): () => void {
  const { name, help } = METRICS.watched;
  const gauge = metricMeter.createGauge(name, 'float', undefined, help);
  return () => gauge.set(Date.now() / 1_000, { service, environment });
}
