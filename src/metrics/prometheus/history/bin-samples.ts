import { GAP_INTERVALS, type HistoryInterval, inWholeNumbers } from '../../../plugin/index.ts';
import type { RawSeries } from '../../../prometheus/index.ts';

/** What a counter counts. `slow` is what a histogram counted less what it counted up to the limit. */
export type Counted = 'requests' | 'failed' | 'all' | 'within';

/** A counter's samples of some stretch, and what it counts: one of failed requests counts requests, too. */
export interface CountedSeries {
  readonly series: RawSeries;
  readonly counts: readonly Counted[];
}

/** Books what counters counted into intervals of `stepMs`. */
export interface Bins {
  /** Takes the next stretch: later than all before, every series in it at once. */
  add(series: readonly CountedSeries[]): void;
  intervals(): HistoryInterval[];
}

/** What lies between two samples further apart cannot be said to have happened in one interval. */
const LONGEST_DELTA_MS = 300_000;

/**
 * An increase belongs to the interval in which the later of its two samples was scraped: exact, never extrapolated, only up
 * to a scrape late. A counter that restarted counts from 0. So does one that is first seen on a target that is known
 * already: a series that first appears at 7 holds 7 errors, which `increase()` in Prometheus would miss. On a new target the
 * first sample is the baseline, since the target may have run for long.
 */
export function openBins({ from, to, stepMs }: { from: number; to: number; stepMs: number }): Bins {
  const bins = Array.from({ length: Math.ceil((to - from) / stepMs) }, () => ({
    sampled: false,
    requests: 0,
    failed: 0,
    all: 0,
    within: 0,
  }));
  const last = new Map<string, { readonly at: number; readonly value: number }>();
  const targetSince = new Map<string, number>();

  function book(series: CountedSeries): void {
    const key = keyOf(series.series);
    const since = targetSince.get(targetOf(series.series));
    for (const { at, value } of series.series.samples) {
      if (!Number.isFinite(value)) continue; // a stale marker
      const before = last.get(key);
      last.set(key, { at, value });
      const bin = bins[Math.ceil((at - from) / stepMs) - 1];
      if (!bin) continue;
      bin.sampled = true;
      const isBornHere = before === undefined && since !== undefined && since < at;
      if (!isBornHere && (before === undefined || at - before.at > LONGEST_DELTA_MS)) continue;
      const increase = before === undefined || value < before.value ? value : value - before.value;
      for (const counted of series.counts) bin[counted] += increase;
    }
  }

  return {
    add(all) {
      for (const { series } of all) {
        const first = series.samples[0]?.at ?? Number.POSITIVE_INFINITY;
        const target = targetOf(series);
        targetSince.set(target, Math.min(targetSince.get(target) ?? first, first));
      }
      for (const series of all) book(series);
    },

    intervals() {
      const intervals: HistoryInterval[] = [];
      for (const [index, bin] of bins.entries()) {
        if (!bin.sampled) continue;
        const end = from + (index + 1) * stepMs;
        const before = intervals.at(-1)?.to ?? Number.NEGATIVE_INFINITY;
        const isGap = end - before > GAP_INTERVALS * stepMs;
        const slow = Math.max(0, bin.all - bin.within);
        intervals.push({
          from: isGap ? end - stepMs : before,
          to: end,
          requests: bin.requests,
          failed: bin.failed,
          slow,
        });
      }
      // The first is full of baselines.
      return inWholeNumbers(intervals.slice(1));
    },
  };
}

/** The label of its target, as scraping gives it; a counter without is its own target, and counts from its beginning. */
function targetOf({ labels }: RawSeries): string {
  return JSON.stringify([labels['job'], labels['instance'], labels['pod']]);
}

function keyOf({ labels }: RawSeries): string {
  return JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
