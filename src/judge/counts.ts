import type { Pair } from './likelihood-ratios.ts';
import type { Metric } from './metric.ts';
import { addCounts, type Counts, NO_COUNTS } from './rules.ts';

/** Requests of both versions over the same stretch of time. */
export interface BothCounts {
  readonly green: Counts;
  readonly blue: Counts;
}

/** Closed batches over one limit, one after the other, and what they hold together. */
export interface Run extends BothCounts {
  readonly batches: number;
  readonly ms: number;
}

export const NOTHING: BothCounts = { green: NO_COUNTS, blue: NO_COUNTS };

export function addBoth(a: BothCounts, b: BothCounts): BothCounts {
  return { green: addCounts(a.green, b.green), blue: addCounts(a.blue, b.blue) };
}

/** One metric's part. Counts from different counters may be read a moment apart: never more bad ones than all. */
export function pairOf({ all, bad }: Pick<Metric, 'all' | 'bad'>, { green, blue }: BothCounts): Pair {
  const of = (counts: Counts) => Math.min(Math.max(0, bad(counts)), Math.max(0, all(counts)));
  return { greenAll: all(green), greenBad: of(green), blueAll: all(blue), blueBad: of(blue) };
}
