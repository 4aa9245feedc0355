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

/** There is no usable history: a person has to ask for another one. Anything else that goes wrong is no such error. */
export class HistoryError extends Error {
  override readonly name = 'HistoryError';
}

export interface HistoryQuestion {
  /** Only of this version; otherwise of all together. */
  readonly version?: string;
  /** Epoch milliseconds. */
  readonly from: number;
  readonly to: number;
  /** The wanted length of an interval; a source may return longer ones. */
  readonly stepMs: number;
}

/** A stretch without data of more than so many intervals is a gap; a shorter one makes the next interval longer. */
export const GAP_INTERVALS = 4;

/**
 * Whole numbers, which a rate of Prometheus is not: what rounding leaves over goes into the next interval, so that sums
 * stay what they were. Of requests no more fail than there were, and no more are slow than were timed.
 */
export function inWholeNumbers(intervals: readonly HistoryInterval[]): HistoryInterval[] {
  const left = { requests: 0, failed: 0, slow: 0, timed: 0 };
  const whole = (name: keyof typeof left, value: number, most: number): number => {
    const rounded = Math.min(most, Math.max(0, Math.round(value + left[name])));
    left[name] += value - rounded;
    return rounded;
  };
  return intervals.map(({ from, to, requests: all, failed, slow, timed: known }) => {
    const requests = whole('requests', all, Number.POSITIVE_INFINITY);
    const timed = known === undefined ? undefined : whole('timed', known, Number.POSITIVE_INFINITY);
    return {
      from,
      to,
      requests,
      failed: whole('failed', failed, requests),
      slow: whole('slow', slow, timed ?? requests),
      ...(timed !== undefined && { timed }),
    };
  });
}
