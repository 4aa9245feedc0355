import type { Limits } from '../../judge/index.ts';
import { addCounts, type FreshCounts, NO_COUNTS } from '../../plugin/index.ts';
import type { RawSeries } from '../../prometheus/index.ts';
import type { Matcher } from '../../promql/index.ts';
import { isSame } from '../bucket-ends.ts';
import type { Counters, Family } from '../counters.ts';
import { type BucketEnds, endOf, withinOf } from './buckets.ts';
import { anyOf, byOf, range, seriesOf } from './queries.ts';
import type { VersionOf, VersionsOf } from './versions.ts';

/** What was counted up to `at`, epoch milliseconds, by version. */
export type SumsByTime = ReadonlyMap<number, ReadonlyMap<string, FreshCounts>>;

/**
 * The counts that Prometheus adds up itself, for services of more counters than can be read one by one. With a window of
 * `increase()` it extrapolates, and misses the first count of each new counter; without one they are the counters' totals.
 * @param evaluate asks for one expression, at one time or several.
 */
export async function readSums(
  evaluate: (promql: string) => Promise<readonly RawSeries[]>,
  {
    counters: { requests, failed, latency },
    limits,
    ends,
    versionsOf,
  }: {
    readonly counters: Counters;
    readonly limits: Limits;
    readonly ends: BucketEnds;
    readonly versionsOf: VersionsOf;
  },
  windowMs?: number,
): Promise<SumsByTime> {
  const sum = (family: Family, metric: string, { by = [], more = [] }: { by?: string[]; more?: Matcher[] } = {}) => {
    const series = seriesOf(family, metric, more);
    const rise = windowMs === undefined ? series : `increase(${series}${range(windowMs)})`;
    return evaluate(`sum by (${[...byOf(family), ...by].join(', ')}) (${rise})`);
  };
  const sums = new Map<number, Map<string, FreshCounts>>();
  const add = (version: string, at: number, more: Partial<FreshCounts>) => {
    const versions = sums.get(at) ?? new Map<string, FreshCounts>();
    sums.set(at, versions.set(version, addCounts(versions.get(version) ?? NO_COUNTS, { ...NO_COUNTS, ...more })));
  };
  const addAll = (
    all: readonly RawSeries[],
    versionOf: VersionOf,
    asCounts: (value: number) => Partial<FreshCounts>,
  ) => {
    for (const { labels, samples } of all) {
      const version = versionOf(labels);
      if (version === undefined) continue;
      for (const { at, value } of samples) if (Number.isFinite(value)) add(version, at, asCounts(Math.max(0, value)));
    }
  };

  const counted = await sum(requests, requests.metric);
  addAll(counted, versionsOf.requests, (value) => ({
    requests: value,
    ...(latency && limits.latency && { timed: 0 }),
    ...(failed.by === 'answered' && { failed: value }),
  }));
  const failures =
    failed.by === 'label'
      ? await sum(requests, requests.metric, { more: [{ label: failed.label, ...failed.rule.failed }] })
      : await sum(requests, failed.metric);
  addAll(failures, versionsOf.requests, (value) => ({ failed: failed.by === 'answered' ? -value : value }));
  if (!latency) return settledSums(sums);

  const { metric, perSecond } = latency;
  addAll(await sum(latency, `${metric}_sum`), versionsOf.latency, (value) => ({ seconds: value / perSecond }));
  if (limits.latency && ends.texts.length > 0) {
    const asked: Matcher = { label: 'le', operator: '=~', value: anyOf(['+Inf', ...ends.texts]) };
    for (const one of await sum(latency, `${metric}_bucket`, { by: ['le'], more: [asked] })) {
      const end = endOf(one.labels['le']);
      const chosen = ends.byVersion.get(versionsOf.latency(one.labels) ?? '');
      if (end === undefined || chosen === undefined) continue;
      const sign = end === Number.POSITIVE_INFINITY ? 1 : isSame(end / perSecond, chosen) ? -1 : 0;
      addAll([one], versionsOf.latency, (value) => ({ slow: sign * value, timed: sign > 0 ? value : 0 }));
    }
  } else {
    const limit = ((limits.latency?.underMs ?? Number.POSITIVE_INFINITY) / 1_000) * perSecond;
    for (const one of await sum(latency, metric)) {
      const version = versionsOf.latency(one.labels);
      if (version === undefined) continue;
      for (const histogram of one.histograms)
        add(version, histogram.at, {
          seconds: histogram.sum / perSecond,
          ...(limits.latency && { slow: histogram.count - withinOf(histogram, limit), timed: histogram.count }),
        });
    }
  }
  return settledSums(sums);
}

/** Extrapolation may leave less than nothing between two counters. */
function settledSums(sums: Map<number, Map<string, FreshCounts>>): SumsByTime {
  for (const versions of sums.values())
    for (const [version, one] of versions)
      versions.set(version, { ...one, failed: Math.max(0, one.failed), slow: Math.max(0, one.slow) });
  return sums;
}
