import { addCounts, NO_COUNTS } from '../../../judge/index.ts';
import { GAP_INTERVALS, type HistoryInterval, inWholeNumbers } from '../../../plugin/index.ts';
import type { Step } from '../count.ts';

/** What lies between two samples further apart cannot be said to have happened in one interval. */
const LONGEST_STEP_MS = 300_000;

/** Sorts what counters rose by into intervals of `stepMs`. */
export interface Bins {
  add(step: Pick<Step, 'from' | 'to' | 'counts'>): void;
  intervals(): HistoryInterval[];
}

/** A step belongs to the interval in which its later sample was scraped: exact, never extrapolated, up to a scrape late. */
export function openBins({ from, to, stepMs }: { from: number; to: number; stepMs: number }): Bins {
  const bins = Array.from({ length: Math.ceil((to - from) / stepMs) }, () => ({
    sampled: false,
    counts: NO_COUNTS,
  }));

  return {
    add({ from: before, to: at, counts }) {
      const bin = bins[Math.ceil((at - from) / stepMs) - 1];
      if (!bin) return;
      bin.sampled = true;
      if (before !== undefined && at - before > LONGEST_STEP_MS) return;
      bin.counts = addCounts(bin.counts, counts);
    },

    intervals() {
      const intervals: HistoryInterval[] = [];
      for (const [index, { sampled, counts }] of bins.entries()) {
        if (!sampled) continue;
        const end = from + (index + 1) * stepMs;
        const before = intervals.at(-1)?.to ?? Number.NEGATIVE_INFINITY;
        const isGap = end - before > GAP_INTERVALS * stepMs;
        intervals.push({ from: isGap ? end - stepMs : before, to: end, ...counts });
      }
      return inWholeNumbers(intervals);
    },
  };
}
