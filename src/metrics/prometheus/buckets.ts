import type { NativeHistogram, RawSeries } from '../../prometheus/index.ts';
import { isBelow, isWithin, refuseWithoutEnd, slowEnds } from '../bucket-ends.ts';
import type { Histogram } from '../counters.ts';
import type { Compared } from '../sides.ts';
import type { VersionOf } from './versions.ts';

/** Where each version's classic buckets end, and which of these ends divides slow from not. Seconds. */
export interface BucketEnds {
  /** The ends that all histograms of the version have. */
  readonly available: ReadonlyMap<string, readonly number[]>;
  /** The largest at or below the limit; missing if there is none, or none that both of the compared versions have. */
  readonly byVersion: ReadonlyMap<string, number>;
  /** As `le` says them: Prometheus 3 writes `1.0` what 2 wrote as `1`, and one store may hold both. */
  readonly texts: readonly string[];
}

export const NO_ENDS: BucketEnds = { available: new Map(), byVersion: new Map(), texts: [] };

interface Wanted {
  readonly versionOf: VersionOf;
  readonly latency: Histogram;
  /** Seconds. */
  readonly limit: number;
  readonly compared?: Compared | undefined;
}

/**
 * From the answer to `bucketsOf`. What is known of versions that are gone by now stays: their last samples may still be
 * counted.
 */
export function chooseEnds(
  counted: readonly RawSeries[],
  { versionOf, latency, limit, compared }: Wanted,
  before: BucketEnds = NO_ENDS,
): BucketEnds {
  const { perSecond } = latency;
  const versions = new Map<string, Map<number, number>>();
  for (const { labels, samples } of counted) {
    const version = versionOf(labels);
    const end = endOf(labels['le']);
    if (version === undefined || end === undefined) continue;
    const ends = versions.get(version) ?? new Map<number, number>();
    // Right after an upgrade to Prometheus 3 both spellings are there, of half the histograms each.
    versions.set(version, ends.set(end, (ends.get(end) ?? 0) + (samples[0]?.value ?? 0)));
  }
  const available = new Map(before.available);
  for (const [version, ends] of versions) {
    const all = ends.get(Number.POSITIVE_INFINITY) ?? 0;
    const common = [...ends].filter(([end, histograms]) => Number.isFinite(end) && histograms >= all);
    available.set(
      version,
      common.map(([end]) => end / perSecond),
    );
  }
  const byVersion = slowEnds(new Map([...available].map(([version, ends]) => [version, [ends]])), limit, compared);
  const texts = new Set(before.texts);
  for (const end of byVersion.values()) for (const text of spellings(end, perSecond, counted)) texts.add(text);
  return { available, byVersion, texts: [...texts] };
}

/** @throws Error that names a version that matters whose buckets cannot separate slow requests from others. */
export function refuseUnusable(
  { available }: BucketEnds,
  { latency, limit, compared }: Pick<Wanted, 'latency' | 'limit' | 'compared'>,
): void {
  refuseWithoutEnd(latency.metric, new Map([...available].map(([version, ends]) => [version, [ends]])), {
    limit,
    compared,
  });
}

/** The number that a label `le` says; undefined if it says none. */
export function endOf(le: string | undefined): number | undefined {
  if (le === undefined || le === '') return undefined;
  const end = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le);
  return Number.isNaN(end) ? undefined : end;
}

/** A native histogram's requests in buckets that end at or below the limit; what else may be slow counts as slow. */
export function withinOf({ buckets }: NativeHistogram, limit: number): number {
  return buckets.reduce((sum, { to, count }) => (isWithin(to, limit) ? sum + count : sum), 0);
}

/** Beyond how many seconds a native histogram's requests count as slow: the limit, or the start of the bucket around it. */
export function nativeEnd({ buckets }: NativeHistogram, limit: number): number {
  const around = buckets.find(({ from, to }) => isBelow(from, limit) && !isWithin(to, limit));
  return around && around.from >= 0 ? around.from : limit;
}

function spellings(seconds: number, perSecond: number, counted: readonly RawSeries[]): string[] {
  const said = counted.flatMap(({ labels: { le } }) =>
    le !== undefined && endOf(le) === seconds * perSecond ? [le] : [],
  );
  const end = seconds * perSecond;
  return Number.isInteger(end) ? [String(end), `${end}.0`, ...said] : [String(end), ...said];
}
