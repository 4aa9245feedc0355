import { timedOf } from '../judge/index.ts';
import type { IntervalAnswer } from './counted-by-interval.ts';
import { addCounts, NO_COUNTS } from './fresh-counts.ts';
import type { FreshCounts } from './metric-source.ts';

/** What a monitoring system has of a version in one bucket: one count, or several. A bucket that it lacks counts as 0. */
export interface Bucket {
  readonly version: string;
  /** When the bucket begins, epoch milliseconds. */
  readonly from: number;
  /** `failed` and `slow` may be given as differences, in several parts: only their sums are between 0 and `requests`. */
  readonly counts: Partial<FreshCounts>;
}

/**
 * The answer to the interval that begins at `from`. It ends with the newest bucket that has requests of any version: the
 * buckets after that may not have arrived.
 */
export function sumOfBuckets(
  buckets: readonly Bucket[],
  { from, stepMs }: { readonly from: number; readonly stepMs: number },
): Required<IntervalAnswer> {
  const ends = buckets.map((bucket) => ((bucket.counts.requests ?? 0) > 0 ? bucket.from + stepMs : from));
  const upTo = ends.reduce((one, other) => Math.max(one, other), from);
  const sums = new Map<string, FreshCounts>();
  for (const { version, counts, from: start } of buckets) {
    if (start >= upTo) continue;
    const { requests = 0, failed = 0, slow = 0, seconds = 0, timed = requests } = counts;
    sums.set(version, addCounts(sums.get(version) ?? NO_COUNTS, { requests, failed, slow, seconds, timed }));
  }
  return { counts: Object.fromEntries([...sums].map(([version, sum]) => [version, plausible(sum)])), upTo };
}

/** In whole numbers: what a system counts approximately may be a fraction. */
function plausible(sum: FreshCounts): FreshCounts {
  const whole = (count: number, most = Number.POSITIVE_INFINITY) => Math.min(Math.max(Math.round(count), 0), most);
  const requests = whole(sum.requests);
  const timed = whole(timedOf(sum));
  return {
    requests,
    failed: whole(sum.failed, requests),
    slow: whole(sum.slow, timed),
    seconds: sum.seconds,
    ...(timed !== requests && { timed }),
  };
}
