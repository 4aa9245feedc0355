import type { Pair } from './likelihood-ratios.ts';
import type { Metric } from './reasons.ts';
import type { Counts } from './rules.ts';
import type { BothCounts } from './threshold.ts';

const NO_COUNTS: Counts = { requests: 0, failed: 0, slow: 0 };
export const NOTHING: BothCounts = { green: NO_COUNTS, blue: NO_COUNTS };

export function addBoth(a: BothCounts, b: BothCounts): BothCounts {
  return { green: add(a.green, b.green), blue: add(a.blue, b.blue) };
}

function add(a: Counts, b: Counts): Counts {
  return { requests: a.requests + b.requests, failed: a.failed + b.failed, slow: a.slow + b.slow };
}

/** One metric's part. Counts from different counters may be read a moment apart: never more bad ones than all. */
export function pairOf({ bad }: Metric, { green, blue }: BothCounts): Pair {
  const of = (counts: Counts) => Math.min(Math.max(0, bad(counts)), Math.max(0, counts.requests));
  return { greenAll: green.requests, greenBad: of(green), blueAll: blue.requests, blueBad: of(blue) };
}
