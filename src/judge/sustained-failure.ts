import { type Pair, shareOf } from './likelihood-ratios.ts';

/** Slots in a row, up to now, with more than twice the limit. */
export interface Gross {
  readonly slots: number;
  readonly lengthMs: number;
  /** As long as it was if all requests had failed; with its variance, since shares are only counted. */
  readonly failedMs: number;
  readonly variance: number;
}

export const NOT_GROSS: Gross = { slots: 0, lengthMs: 0, failedMs: 0, variance: 0 };
/** Standard deviations. */
const SURELY = 3;
/** Neither a router's clock nor a poll's is exact. */
const SLACK = 1.1;

export function moreGross(
  { slots, lengthMs, failedMs, variance }: Gross,
  { greenAll, greenBad }: Pair,
  ms: number,
): Gross {
  const share = shareOf(greenBad, greenAll);
  // Of few requests all may have failed though not all of the time was bad.
  const smooth = (greenBad + 1) / (greenAll + 2);
  return {
    slots: slots + 1,
    lengthMs: lengthMs + ms,
    failedMs: Math.round(failedMs + share * ms),
    variance: Math.round(variance + (ms * ms * smooth * (1 - smooth)) / greenAll),
  };
}

/**
 * Whether it is more than a burst within the patience, however that would lie across the slots: such a one does not fail
 * completely for longer, nor does it touch slots that are far apart.
 */
export function outlasts({ slots, lengthMs, failedMs, variance }: Gross, burstToleranceMs: number): boolean {
  if (slots < 2 || failedMs <= burstToleranceMs) return false;
  const apartMs = lengthMs * (1 - 1 / slots);
  return apartMs >= 2 * burstToleranceMs || failedMs - SURELY * Math.sqrt(variance) > SLACK * burstToleranceMs;
}
