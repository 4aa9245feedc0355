import type { Limits } from '../../judge/index.ts';
import type { CheckContext } from '../../plugin/index.ts';
import type { Config } from './schema.ts';

/** The limits of the check, or else of the runbook. */
export function limitsOf({ limits }: Pick<Config, 'limits'>, { runbook }: Pick<CheckContext, 'runbook'>): Limits {
  const latency = limits.latency ?? runbook.limits.latency;
  return {
    errorRate: limits.errorRate ?? runbook.limits.errorRate,
    ...(latency && { latency: { quantile: latency.quantile, underMs: latency.under } }),
  };
}
