import { addCounts as addJudged } from '../judge/index.ts';
import type { FreshCounts } from './metric-source.ts';

export const NO_COUNTS: FreshCounts = { requests: 0, failed: 0, slow: 0, seconds: 0 };

export function addCounts(one: FreshCounts, other: FreshCounts): FreshCounts {
  return { ...addJudged(one, other), seconds: one.seconds + other.seconds };
}
