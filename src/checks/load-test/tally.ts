import { build as buildHistogram } from 'hdr-histogram-js';
import { NOT_SENT, type Outcome, TIMED_OUT } from './outcome.ts';

/** A request that left later than this after it was due was held up by the sender, not by the target. */
export const LATE_MS = 100;

/** What came of some requests. Latency is counted from the moment a request was due, failed ones included. */
export interface LoadNumbers {
  readonly requests: number;
  readonly failed: number;
  readonly failedBy: Readonly<Record<string, number>>;
  /** Took longer than the limit. One that was not sent would have waited behind all that were. */
  readonly slow: number;
  /** Left more than `LATE_MS` after they were due. */
  readonly late: number;
  /** Came back, well or not, before they timed out. */
  readonly inTime: number;
  /** How long it took these to come, at the pace of the middle four fifths: a few stragglers say nothing about it. */
  readonly cameOverMs: number;
  /** Of the requests that were sent. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Counts what comes back; its size does not grow with the number of requests. */
export function createTally({ slowOverMs }: { readonly slowOverMs: number }) {
  const took = buildHistogram();
  const cameAt = buildHistogram();
  const failedBy = new Map<string, number>();
  let requests = 0;
  let failed = 0;
  let slow = 0;
  let late = 0;

  return {
    count({ dueMs, sentMs, settledMs, failure }: Outcome): void {
      const tookMs = settledMs - dueMs;
      requests += 1;
      if (sentMs - dueMs > LATE_MS) late += 1;
      if (tookMs > slowOverMs || failure === NOT_SENT) slow += 1;
      if (failure !== NOT_SENT) took.recordValue(Math.round(tookMs));
      if (failure !== NOT_SENT && failure !== TIMED_OUT) cameAt.recordValue(Math.round(settledMs));
      if (failure === undefined) return;
      failed += 1;
      failedBy.set(failure, (failedBy.get(failure) ?? 0) + 1);
    },
    numbers(): LoadNumbers {
      const [p50Ms = 0, p95Ms = 0, p99Ms = 0] = [50, 95, 99].map((p) => took.getValueAtPercentile(p));
      return {
        requests,
        failed,
        failedBy: Object.fromEntries(failedBy),
        slow,
        late,
        inTime: cameAt.totalCount,
        cameOverMs: (cameAt.getValueAtPercentile(90) - cameAt.getValueAtPercentile(10)) / 0.8,
        p50Ms,
        p95Ms,
        p99Ms,
        maxMs: took.maxValue,
      };
    },
  };
}
