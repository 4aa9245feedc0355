import type { Metric } from '../judge/index.ts';
import { type HistoryInterval } from '../plugin/index.ts';
import { stretchesOf } from './history.ts';

/**
 * How much the bad requests of one interval differ from those of the next, over how much they would if each request were
 * bad by itself: 1 when they are independent, c when they come in clusters of c.
 */
export interface Dispersion {
  /** Undefined when nothing was bad. */
  readonly factor?: number;
  /** Without the hundredth of the pairs that differ most: the beginning and the end of incidents, say. */
  readonly withoutWorst?: number;
  /** Neighbouring intervals with something bad in either. */
  readonly pairs: number;
}

const WORST = 0.01;

/**
 * Estimated from the differences between neighbouring intervals. The spread over the whole hour would count a trend or one
 * long incident as dispersion, and the judge would then miss real regressions. Given the bad requests of both intervals
 * together, those of one are hypergeometric when a request's interval does not matter, so their variance is known.
 */
export function dispersionOf(
  intervals: readonly HistoryInterval[],
  { all: count, bad }: Pick<Metric, 'all' | 'bad'>,
): Dispersion {
  const pairs: { squared: number; variance: number }[] = [];
  for (const stretch of stretchesOf(intervals))
    for (const [index, a] of stretch.entries()) {
      const b = stretch[index + 1];
      if (!b) continue;
      const all = count(a) + count(b);
      const badOnes = bad(a) + bad(b);
      const share = count(a) / all;
      const variance = (badOnes * share * (1 - share) * (all - badOnes)) / (all - 1);
      if (all > 1 && variance > 0) pairs.push({ squared: (bad(a) - badOnes * share) ** 2, variance });
    }
  if (pairs.length === 0) return { pairs: 0 };
  const ranked = pairs.toSorted((a, b) => a.squared / a.variance - b.squared / b.variance);
  const usual = ranked.slice(0, Math.ceil(ranked.length * (1 - WORST)));
  return { factor: ratio(pairs), withoutWorst: ratio(usual), pairs: pairs.length };
}

function ratio(pairs: readonly { readonly squared: number; readonly variance: number }[]): number {
  const sum = (of: 'squared' | 'variance') => pairs.reduce((total, pair) => total + pair[of], 0);
  return sum('squared') / sum('variance');
}
