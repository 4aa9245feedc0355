import type { NativeHistogram, RawSeries } from '../prometheus/samples.ts';

/** `le="0.3"` and a limit of 300 ms are the same number, whatever their binary fractions. */
const TOLERANCE = 1e-9;

/** Where each version's classic buckets divide slow from not: the largest end at or below the limit that all have. */
export interface BucketEnds {
  /** Seconds; undefined if no bucket ends at or below the limit. */
  readonly byVersion: ReadonlyMap<string, number | undefined>;
  /** As `le` says them: Prometheus 3 writes `1.0` what 2 wrote as `1`, and one store may hold both. */
  readonly texts: readonly string[];
}

export const NO_ENDS: BucketEnds = { byVersion: new Map(), texts: [] };

/** From the answer to `bucketsOf`. `limit` in seconds. */
export function chooseEnds(counted: readonly RawSeries[], versionLabel: string, limit: number): BucketEnds {
  const versions = new Map<string, Map<number, number>>();
  const spelt = new Map<number, Set<string>>();
  for (const { labels, samples } of counted) {
    const version = labels[versionLabel];
    const end = endOf(labels['le']);
    if (version === undefined || version === '' || end === undefined) continue;
    const ends = versions.get(version) ?? new Map<number, number>();
    // Right after an upgrade to Prometheus 3 both spellings are there, of half the histograms each.
    versions.set(version, ends.set(end, (ends.get(end) ?? 0) + (samples[0]?.value ?? 0)));
    spelt.set(end, (spelt.get(end) ?? new Set(spellings(end))).add(labels['le'] ?? ''));
  }
  const byVersion = new Map<string, number | undefined>();
  for (const [version, ends] of versions) {
    const all = ends.get(Number.POSITIVE_INFINITY) ?? 0;
    const usable = [...ends].filter(([end, histograms]) => isWithin(end, limit) && histograms >= all);
    byVersion.set(version, usable.length === 0 ? undefined : Math.max(...usable.map(([end]) => end)));
  }
  const chosen = new Set([...byVersion.values()].filter((end) => end !== undefined));
  return { byVersion, texts: [...chosen].flatMap((end) => [...(spelt.get(end) ?? [])]) };
}

/** What is known of versions that are gone by now stays: their last samples may still be counted. */
export function mergeEnds(before: BucketEnds, now: BucketEnds): BucketEnds {
  return {
    byVersion: new Map([...before.byVersion, ...now.byVersion]),
    texts: [...new Set([...before.texts, ...now.texts])],
  };
}

/** The number that a label `le` says; undefined if it says none. */
export function endOf(le: string | undefined): number | undefined {
  if (le === undefined || le === '') return undefined;
  const end = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le);
  return Number.isNaN(end) ? undefined : end;
}

function isWithin(end: number, limit: number): boolean {
  return end <= limit * (1 + TOLERANCE);
}

/** Whether a bucket that ends there is stricter than the limit. */
export function isBelow(end: number, limit: number): boolean {
  return end < limit * (1 - TOLERANCE);
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

function spellings(end: number): string[] {
  if (end === Number.POSITIVE_INFINITY) return ['+Inf'];
  return Number.isInteger(end) ? [String(end), `${end}.0`] : [String(end)];
}
