import { addCounts, type Counts, type Limits, type Metric, metricsOf, NO_COUNTS } from '../judge/index.ts';
import { type HistoryInterval } from '../plugin/index.ts';
import { type Dispersion, dispersionOf } from './dispersion.ts';
import { type Percentiles, percentilesOf } from './estimates.ts';
import { type HistorySoak, stretchesOf, usualLength } from './history.ts';

/** What the past was like. Shares are fractions from 0 to 1, times epoch milliseconds. */
export interface PastSummary {
  readonly from: number;
  readonly to: number;
  readonly intervals: number;
  /** The usual length of an interval. */
  readonly intervalMs: number;
  readonly soaks: number;
  /** Stretches in between of which nothing is known. */
  readonly gaps: number;
  readonly total: Counts;
  /** Over intervals. */
  readonly requestsPerSecond: Percentiles;
  readonly metrics: readonly MetricSummary[];
}

export interface MetricSummary {
  readonly name: Metric['name'];
  /** Largest allowed share. */
  readonly limit: number;
  /** Of bad requests, over soaks that had any request. */
  readonly share: Percentiles;
  readonly dispersion: Dispersion;
  /** What the past itself did to the limit. */
  readonly overLimit: {
    /** Shares of the intervals, and of the soaks, that had requests. */
    readonly intervals: number;
    readonly soaks: number;
    /** The longest stretch of intervals over it, one after the other. */
    readonly longestMs: number;
  };
}

export function summarise(
  intervals: readonly HistoryInterval[],
  soaks: readonly SoakTotal[],
  limits: Limits,
): PastSummary {
  return {
    from: intervals[0]?.from ?? 0,
    to: intervals.at(-1)?.to ?? 0,
    intervals: intervals.length,
    intervalMs: usualLength(intervals),
    soaks: soaks.length,
    gaps: stretchesOf(intervals).length - 1,
    total: totalOf(intervals),
    requestsPerSecond: percentilesOf(intervals.map(({ from, to, requests }) => (requests / (to - from)) * 1_000)),
    metrics: metricsOf(limits).map((metric) => summariseMetric(metric, intervals, soaks)),
  };
}

/** A soak's own length, without its extension. */
export interface SoakTotal extends Counts {
  readonly at: number;
}

export function soakTotal({ at, intervals }: HistorySoak, soakMs: number): SoakTotal {
  return { at, ...totalOf(intervals.filter(({ from }) => from < at + soakMs)) };
}

function isOver({ all, bad, limit }: Metric, counts: Counts): boolean {
  return bad(counts) > limit * all(counts) * (1 + 1e-9);
}

function summariseMetric(
  metric: Metric,
  intervals: readonly HistoryInterval[],
  soaks: readonly SoakTotal[],
): MetricSummary {
  const asked = soaks.filter((soak) => metric.all(soak) > 0);
  return {
    name: metric.name,
    limit: metric.limit,
    share: percentilesOf(asked.map((soak) => metric.bad(soak) / metric.all(soak))),
    dispersion: dispersionOf(intervals, metric),
    overLimit: {
      intervals: shareOver(metric, intervals),
      soaks: shareOver(metric, soaks),
      longestMs: longestOver(metric, intervals),
    },
  };
}

function shareOver(metric: Metric, all: readonly Counts[]): number {
  const asked = all.filter((counts) => metric.all(counts) > 0);
  return asked.length === 0 ? 0 : asked.filter((counts) => isOver(metric, counts)).length / asked.length;
}

function longestOver(metric: Metric, intervals: readonly HistoryInterval[]): number {
  let longest = 0;
  for (const stretch of stretchesOf(intervals)) {
    let since: number | undefined;
    for (const interval of stretch) {
      since = isOver(metric, interval) ? (since ?? interval.from) : undefined;
      if (since !== undefined) longest = Math.max(longest, interval.to - since);
    }
  }
  return longest;
}

function totalOf(all: readonly Counts[]): Counts {
  return all.reduce(addCounts, NO_COUNTS);
}
