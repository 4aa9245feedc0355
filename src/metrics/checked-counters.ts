import type { Limits } from '../judge/index.ts';
import { type MetricInspection, type MetricReading, metricsUnavailable } from '../plugin/index.ts';
import { isBelow } from './bucket-ends.ts';
import type { Inspection } from './inspection.ts';
import { metricsProblems, untrueCounts } from './preflight.ts';
import type { Compared } from './sides.ts';

/**
 * Seconds over which requests count as slow, where the buckets of the compared versions have no end at the limit.
 * @throws ApplicationFailure `MetricsUnavailable` when the counts are not true: they are refused as if they could not be read.
 */
export function checkCounters(
  inspection: Inspection,
  limits: Limits,
  compared?: Compared,
): Pick<MetricReading, 'slowOver'> {
  const [untrue] = untrueCounts(inspection, limits, compared);
  if (untrue) throw metricsUnavailable(`${untrue.found}: ${untrue.unblock}`);
  if (!limits.latency || !compared) return {};
  const ends = inspection.slowAbove.filter(({ version }) => version === compared.blue || version === compared.green);
  const line = Math.min(...ends.map(({ seconds }) => seconds));
  return isBelow(line, limits.latency.underMs / 1_000) ? { slowOver: line } : {};
}

/** What a check shows of the counters; counts that are not true are among the problems. */
export function describeCounters(
  inspection: Inspection,
  limits: Limits,
  compared?: Compared,
): Pick<MetricInspection, 'problems' | 'slowAbove' | 'clocks'> {
  const problems = compared ? metricsProblems(inspection, { ...compared, limits }) : untrueCounts(inspection, limits);
  return { problems, slowAbove: inspection.slowAbove, clocks: inspection.clocks };
}
