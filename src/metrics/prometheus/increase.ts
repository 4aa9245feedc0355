import type { Limits } from '../../judge/index.ts';
import { addCounts, type FreshCounts, NO_COUNTS } from '../../plugin/index.ts';
import type { RawSeries } from '../../prometheus/index.ts';
import { isSame } from '../bucket-ends.ts';
import { unitsPerSecond } from '../duration-unit.ts';
import { failureRule } from '../failure.ts';
import { type BucketEnds, endOf, withinOf } from './buckets.ts';
import { anyOf, range, seriesOf } from './queries.ts';
import type { PrometheusConfig } from './schema.ts';

/** What was counted up to `at`, epoch milliseconds, by version. */
export type SumsByTime = ReadonlyMap<number, ReadonlyMap<string, FreshCounts>>;

/**
 * The counts that Prometheus adds up itself, for services of more counters than can be read one by one. With a window of
 * `increase()` it extrapolates, and misses the first count of each new counter; without one they are the counters' totals.
 * @param evaluate asks for one expression, at one time or several.
 */
export async function readSums(
  evaluate: (promql: string) => Promise<readonly RawSeries[]>,
  { config, limits, ends }: { readonly config: PrometheusConfig; readonly limits: Limits; readonly ends: BucketEnds },
  windowMs?: number,
): Promise<SumsByTime> {
  const { versionLabel, codeLabel, latency, requests } = config;
  const hasVersion = { label: versionLabel, operator: '!=' as const, value: '' };
  const sum = (by: string, metric: string, more: Parameters<typeof seriesOf>[2] = []) => {
    const series = seriesOf(config, metric, [hasVersion, ...more]);
    return evaluate(`sum by (${by}) (${windowMs === undefined ? series : `increase(${series}${range(windowMs)})`})`);
  };
  const sums = new Map<number, Map<string, FreshCounts>>();
  const add = ({ labels }: RawSeries, at: number, more: Partial<FreshCounts>) => {
    const version = labels[versionLabel] ?? '';
    const versions = sums.get(at) ?? new Map<string, FreshCounts>();
    sums.set(at, versions.set(version, addCounts(versions.get(version) ?? NO_COUNTS, { ...NO_COUNTS, ...more })));
  };
  const addAll = (all: readonly RawSeries[], asCounts: (value: number) => Partial<FreshCounts>) => {
    for (const one of all)
      for (const { at, value } of one.samples) if (Number.isFinite(value)) add(one, at, asCounts(Math.max(0, value)));
  };

  addAll(await sum(versionLabel, requests), (value) => ({ requests: value }));
  const isFailed = { label: codeLabel, ...failureRule(config.failed).failed };
  addAll(await sum(versionLabel, requests, [isFailed]), (value) => ({ failed: value }));
  if (latency === undefined) return sums;

  const perSecond = unitsPerSecond(latency);
  addAll(await sum(versionLabel, `${latency}_sum`), (value) => ({ seconds: value / perSecond }));
  if (limits.latency && ends.texts.length > 0) {
    const asked = { label: 'le', operator: '=~' as const, value: anyOf(['+Inf', ...ends.texts]) };
    for (const one of await sum(`${versionLabel}, le`, `${latency}_bucket`, [asked])) {
      const end = endOf(one.labels['le']);
      const chosen = ends.byVersion.get(one.labels[versionLabel] ?? '');
      if (end === undefined || chosen === undefined) continue;
      const sign = end === Number.POSITIVE_INFINITY ? 1 : isSame(end / perSecond, chosen) ? -1 : 0;
      addAll([one], (value) => ({ slow: sign * value }));
    }
  } else {
    const limit = ((limits.latency?.underMs ?? Number.POSITIVE_INFINITY) / 1_000) * perSecond;
    for (const one of await sum(versionLabel, latency))
      for (const histogram of one.histograms)
        add(one, histogram.at, {
          seconds: histogram.sum / perSecond,
          slow: limits.latency ? histogram.count - withinOf(histogram, limit) : 0,
        });
  }
  // Extrapolation may leave less than nothing between two buckets.
  for (const versions of sums.values())
    for (const [version, one] of versions) versions.set(version, { ...one, slow: Math.max(0, one.slow) });
  return sums;
}
