import type { Limits } from '../../judge/index.ts';
import type { Reading, SeriesReading } from '../../plugin/index.ts';
import { instantQuery, type Question, type RawSeries, type Server } from '../../prometheus/index.ts';
import { isSame } from '../bucket-ends.ts';
import { unitsPerSecond } from '../duration-unit.ts';
import { ANSWERED_PROMQL } from '../status-codes.ts';
import { type BucketEnds, endOf, withinOf } from './buckets.ts';
import { anyOf, range, seriesOf } from './queries.ts';
import type { PrometheusConfig } from './schema.ts';

/** `increase` needs two samples, and extrapolates from what it has: over fewer than four scrapes mostly that. */
const SCRAPES = 4;

/**
 * Counts by `increase()`, for services of more counters than can be read one by one: sums that Prometheus extrapolates,
 * without the first count of each new counter. Windows of one after the other, each from newest sample to newest sample.
 * Returns `since` while a window is too short to say anything, undefined if there is no sample at all.
 */
export async function readIncrease(
  server: Server,
  { config, limits, ends }: { readonly config: PrometheusConfig; readonly limits: Limits; readonly ends: BucketEnds },
  { since, signal, heard }: Pick<Question, 'heard'> & { readonly since: Reading | null; readonly signal: AbortSignal },
): Promise<Reading | undefined> {
  const { versionLabel, codeLabel, latency, requests } = config;
  const some = [{ label: versionLabel, operator: '!=' as const, value: '' }];
  const ask = async (promql: string, at?: number) =>
    (await instantQuery(server, { promql, ...(at !== undefined && { at }), ...(heard && { heard }) }, signal)).result;

  const [newest] = await ask(`max(timestamp(${seriesOf(config, requests, some)}))`);
  if (!newest?.samples[0]) return undefined;
  const at = Math.floor(newest.samples[0].value * 1_000);
  if (since && at - since.at < SCRAPES * config.poll) return since;

  const window = range(at - (since?.at ?? at - SCRAPES * config.poll));
  const increase = (by: string, metric: string, more: Parameters<typeof seriesOf>[2] = []) =>
    ask(`sum by (${by}) (increase(${seriesOf(config, metric, [...some, ...more])}${window}))`, at);
  const sums = new Map<string, SeriesReading>();
  for (const one of Object.values(since?.series ?? {})) sums.set(one.version, { ...one, approximate: true });
  const add = ({ labels }: RawSeries, more: Partial<Record<'requests' | 'failed' | 'slow' | 'seconds', number>>) => {
    const version = labels[versionLabel] ?? '';
    const sum = sums.get(version) ?? { version, requests: 0, failed: 0, slow: 0, seconds: 0, approximate: true };
    sums.set(version, {
      ...sum,
      requests: sum.requests + countOf(more.requests),
      failed: sum.failed + countOf(more.failed),
      slow: sum.slow + countOf(more.slow),
      seconds: sum.seconds + countOf(more.seconds),
    });
  };

  for (const one of await increase(versionLabel, requests)) add(one, { requests: one.samples[0]?.value ?? 0 });
  const failed = await increase(versionLabel, requests, [{ label: codeLabel, operator: '!~', value: ANSWERED_PROMQL }]);
  for (const one of failed) add(one, { failed: one.samples[0]?.value ?? 0 });
  if (latency !== undefined) {
    const perSecond = unitsPerSecond(latency);
    for (const one of await increase(versionLabel, `${latency}_sum`))
      add(one, { seconds: (one.samples[0]?.value ?? 0) / perSecond });
    if (limits.latency && ends.texts.length > 0) {
      const asked = { label: 'le', operator: '=~' as const, value: anyOf(['+Inf', ...ends.texts]) };
      for (const [version, slow] of slowOf(await increase(`${versionLabel}, le`, `${latency}_bucket`, [asked]), ends, {
        versionLabel,
        perSecond,
      }))
        add({ labels: { [versionLabel]: version }, samples: [], histograms: [] }, { slow });
    } else
      for (const one of await increase(versionLabel, latency))
        for (const histogram of one.histograms) {
          const limit = ((limits.latency?.underMs ?? Number.POSITIVE_INFINITY) / 1_000) * perSecond;
          add(one, {
            seconds: histogram.sum / perSecond,
            slow: limits.latency ? histogram.count - withinOf(histogram, limit) : 0,
          });
        }
  }
  return { at, series: Object.fromEntries([...sums].map(([version, { marks: _, ...one }]) => [version, one])) };
}

function slowOf(
  buckets: readonly RawSeries[],
  { byVersion }: BucketEnds,
  { versionLabel, perSecond }: { readonly versionLabel: string; readonly perSecond: number },
): Map<string, number> {
  const slow = new Map<string, number>();
  for (const { labels, samples } of buckets) {
    const version = labels[versionLabel] ?? '';
    const end = endOf(labels['le']);
    const value = countOf(samples[0]?.value);
    const chosen = byVersion.get(version);
    if (end === undefined || chosen === undefined) continue;
    const sign = end === Number.POSITIVE_INFINITY ? 1 : isSame(end / perSecond, chosen) ? -1 : 0;
    slow.set(version, (slow.get(version) ?? 0) + sign * value);
  }
  return slow;
}

/** Extrapolation may leave less than nothing between two buckets. */
function countOf(value = 0): number {
  return Number.isFinite(value) ? Math.max(0, value) : 0;
}
