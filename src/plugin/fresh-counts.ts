import type { FreshCounts } from './metric-source.ts';

export const NO_COUNTS: FreshCounts = { requests: 0, failed: 0, slow: 0, seconds: 0 };

export function addCounts(one: FreshCounts, other: FreshCounts): FreshCounts {
  return {
    requests: one.requests + other.requests,
    failed: one.failed + other.failed,
    slow: one.slow + other.slow,
    seconds: one.seconds + other.seconds,
  };
}
