import type { HistoryInterval } from '../plugin/index.ts';

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
