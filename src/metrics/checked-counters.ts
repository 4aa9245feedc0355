import type { Limits } from '../judge/index.ts';
import { type MetricInspection, type MetricReading, metricsUnavailable } from '../plugin/index.ts';
import { redact } from '../util/index.ts';
import { isBelow, shownEnds } from './bucket-ends.ts';
import type { Counters } from './counters.ts';
import { failsBy } from './failure.ts';
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
): Pick<MetricInspection, 'problems' | 'slowAbove' | 'facts' | 'clocks'> {
  const problems = compared ? metricsProblems(inspection, { ...compared, limits }) : untrueCounts(inspection, limits);
  return { problems, slowAbove: inspection.slowAbove, facts: factsOf(inspection), clocks: inspection.clocks };
}

const MOST_VALUES = 12;

function factsOf({ counters, versions }: Inspection): NonNullable<MetricInspection['facts']> {
  const { failed, latency } = counters;
  return Object.entries(versions).flatMap(([version, { size, statuses, ends, hasNative }]) => {
    const values = valuesOf(failed, statuses);
    return [
      { version, what: 'series', is: `${size} of ${counters.requests.metric}` },
      { version, what: failed.by === 'label' ? failed.label : 'failed', is: values },
      ...(latency
        ? [{ version, what: 'buckets', is: ends.length > 0 ? `${shownEnds(ends)} s` : hasNative ? 'native' : 'none' }]
        : []),
    ];
  });
}

function valuesOf(failed: Counters['failed'], statuses: readonly string[]): string {
  if (failed.by !== 'label')
    return failed.by === 'failed' ? `counted by ${failed.metric}` : `all that ${failed.metric} does not count`;
  const fails = failsBy(failed.rule);
  const shown = [...statuses].sort().slice(0, MOST_VALUES);
  const more = statuses.length - shown.length;
  const values = shown.map((value) => `${redact(value).slice(0, 40) || '""'}${fails(value) ? ' (failed)' : ''}`);
  return [...values, ...(more > 0 ? [`${more} more`] : [])].join(', ') || 'no request yet';
}
