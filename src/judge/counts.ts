import type { Pair } from './likelihood-ratios.ts';
import type { Metric } from './metric.ts';
import type { Counts } from './rules.ts';

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

const NO_COUNTS: Counts = { requests: 0, failed: 0, slow: 0 };
export const NOTHING: BothCounts = { green: NO_COUNTS, blue: NO_COUNTS };

export function addBoth(a: BothCounts, b: BothCounts): BothCounts {
  return { green: add(a.green, b.green), blue: add(a.blue, b.blue) };
}

function add(a: Counts, b: Counts): Counts {
  return { requests: a.requests + b.requests, failed: a.failed + b.failed, slow: a.slow + b.slow };
}

/** One metric's part. Counts from different counters may be read a moment apart: never more bad ones than all. */
export function pairOf({ bad }: Pick<Metric, 'bad'>, { green, blue }: BothCounts): Pair {
  const of = (counts: Counts) => Math.min(Math.max(0, bad(counts)), Math.max(0, counts.requests));
  return { greenAll: green.requests, greenBad: of(green), blueAll: blue.requests, blueBad: of(blue) };
}
