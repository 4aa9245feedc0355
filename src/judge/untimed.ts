import { seconds } from '../format/index.ts';
import type { Limits } from './rules.ts';

/** Durations may be counted later than requests: by a gateway every few seconds, by another scrape once a minute. */
const LATE_MS = 60_000;

/** What is known of a soak's durations, epoch milliseconds. */
interface Soak {
  readonly from: number;
  readonly soakMs: number | null;
  /** The end of the newest interval in which green was asked anything, and of the newest with durations of green. */
  readonly greenSeenAt: number | null;
  readonly greenTimedAt: number | null;
}

/** Why nothing proves the latency limit: without durations no request is slow. A breach by errors is one all the same. */
export function untimedDoubt(
  { from, soakMs, greenSeenAt, greenTimedAt }: Soak,
  { latency }: Limits,
): string | undefined {
  const untimedMs = (greenSeenAt ?? from) - (greenTimedAt ?? from);
  // In a soak that is shorter than two minutes, half of it.
  const lateMs = Math.min(LATE_MS, (soakMs ?? Number.POSITIVE_INFINITY) / 2);
  if (!latency || untimedMs <= 0 || untimedMs < lateMs) return undefined;
  return `the metrics count green's requests, but not how long those of the last ${seconds(untimedMs)} took`;
}
