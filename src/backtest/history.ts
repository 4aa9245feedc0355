import type { Counts } from '../judge/index.ts';

/** What the service served from `from` (exclusive) to `to` (inclusive), epoch milliseconds; whole numbers. */
export interface HistoryInterval extends Counts {
  readonly from: number;
  readonly to: number;
}

/** In order, never overlapping; where an interval does not begin at the end of the one before, nothing is known. */
export interface TrafficHistory {
  readonly intervals: readonly HistoryInterval[];
  /** What a person should know about how it was read. */
  readonly notices: readonly string[];
}

/** There is no usable past: a person has to ask for another one. Anything else that goes wrong is no such error. */
export class HistoryError extends Error {
  override readonly name = 'PastError';
}

/** A stretch without data of more than so many intervals is a gap; a shorter one makes the next interval longer. */
export const GAP_INTERVALS = 4;

/** One soak of the past, and what came after it up to its longest extension or to the next gap. */
export interface HistorySoak {
  readonly at: number;
  readonly intervals: readonly HistoryInterval[];
}

/** Stretches without a gap. */
export function stretchesOf(intervals: readonly HistoryInterval[]): HistoryInterval[][] {
  const stretches: HistoryInterval[][] = [];
  for (const interval of intervals) {
    const open = stretches.at(-1);
    if (open?.at(-1)?.to === interval.from) open.push(interval);
    else stretches.push([interval]);
  }
  return stretches;
}

/** Soak after soak, as many as there are whole ones. */
export function cutSoaks(
  intervals: readonly HistoryInterval[],
  { soakMs, maxSoakMs }: { readonly soakMs: number; readonly maxSoakMs: number },
): HistorySoak[] {
  const soaks: HistorySoak[] = [];
  for (const stretch of stretchesOf(intervals)) {
    const end = stretch.at(-1)?.to ?? 0;
    let nextAt = Number.NEGATIVE_INFINITY;
    for (const [index, { from: at }] of stretch.entries()) {
      if (at < nextAt || at + soakMs > end) continue;
      nextAt = at + soakMs;
      let last = index;
      while (last + 1 < stretch.length && (stretch[last]?.to ?? at) < at + maxSoakMs) last += 1;
      soaks.push({ at, intervals: stretch.slice(index, last + 1) });
    }
  }
  return soaks;
}

/** The usual length of an interval. */
export function usualLength(intervals: readonly HistoryInterval[]): number {
  const lengths = intervals.map(({ from, to }) => to - from).sort((a, b) => a - b);
  return lengths[Math.floor(lengths.length / 2)] ?? 0;
}

/**
 * Whole numbers, which a rate of Prometheus is not: what rounding leaves over goes into the next interval, so that sums
 * stay what they were. Neither failed nor slow requests are more than there were requests.
 */
export function inWholeNumbers(intervals: readonly HistoryInterval[]): HistoryInterval[] {
  const left = { requests: 0, failed: 0, slow: 0 };
  const whole = (name: keyof typeof left, value: number, most: number): number => {
    const rounded = Math.min(most, Math.max(0, Math.round(value + left[name])));
    left[name] += value - rounded;
    return rounded;
  };
  return intervals.map(({ from, to, requests: all, failed, slow }) => {
    const requests = whole('requests', all, Number.POSITIVE_INFINITY);
    return { from, to, requests, failed: whole('failed', failed, requests), slow: whole('slow', slow, requests) };
  });
}
