import type { BlueRecovered } from './activity-results.ts';

/** How blue stands at the end of a rollback, in a sentence: for the outcome, the report and every view. Pure. */
export function recoveryWords({ requests, accepted }: BlueRecovered): string {
  if (!accepted) return `Blue is proven healthy over ${requests} fresh requests.`;
  const { by, what } = accepted;
  return `Blue's health is unproven; accepted by ${by}: ${what}${/[.!?]$/.test(what) ? '' : '.'}`;
}
