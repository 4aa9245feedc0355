import { log } from '@temporalio/activity';
import type { DeploymentTarget } from '../domain/index.ts';
import {
  type MetricSource,
  type MetricsContext,
  type NamedNotifier,
  type Router,
  readSlots,
  type Workload,
} from '../plugin/index.ts';
import { type MetricsConfig, type Runbook, toLimits } from '../runbook/index.ts';
import type { Dependencies } from './dependencies.ts';

/** What a runbook names, made when it is needed. */
export interface Ports {
  workload(): Workload;
  router(): Router;
  /**
   * With `compared`, the slow requests of both are counted by the same limit.
   * @param greenIsUp whether green has to be in one of the slots, if the metrics are counted by slot
   */
  metrics(compared?: MetricsContext['compared'], greenIsUp?: boolean): MetricSource;
  /** The counts of a further metric: without slow requests. */
  further(config: MetricsConfig, compared: NonNullable<MetricsContext['compared']>, greenIsUp?: boolean): MetricSource;
  notifiers(): readonly NamedNotifier[];
}

/** The ports of one deployment, as its runbook names them. */
export function portsOf(
  { registry, env }: Pick<Dependencies, 'registry' | 'env'>,
  runbook: Runbook,
  target: DeploymentTarget,
): Ports {
  const context = { target, env, log, runbook };
  const comparison = (compared: NonNullable<MetricsContext['compared']>, greenIsUp: boolean) => ({
    compared: {
      blue: compared.blue,
      green: compared.green,
      ...(compared.apart !== undefined && { apart: compared.apart }),
    },
    slots: (signal: AbortSignal) =>
      readSlots(registry.router(runbook.router, context), compared, { greenIsUp, signal }),
  });
  return {
    workload: () => registry.workload(runbook.workload, context),
    router: () => registry.router(runbook.router, context),
    metrics: (compared, greenIsUp = true) =>
      registry.metrics(runbook.metrics, {
        ...context,
        limits: toLimits(runbook.limits),
        ...(compared && comparison(compared, greenIsUp)),
      }),
    further: (config, compared, greenIsUp = true) =>
      registry.metrics(config, { ...context, limits: { errorRate: 1 }, ...comparison(compared, greenIsUp) }),
    notifiers: () => registry.notifiers(runbook.notifications, context),
  };
}

/** Blue's counts after a rollback, and green's requests beside them. Green's buckets are no concern of blue's. */
export function recoveryMetrics(ports: Ports, { blue, green }: Pick<DeploymentTarget, 'blue' | 'green'>): MetricSource {
  return ports.metrics({ blue, green: blue, apart: green }, false);
}
