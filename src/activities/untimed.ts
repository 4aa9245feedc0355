import type { WatchInput } from '../domain/index.ts';
import type { Judgement } from '../judge/index.ts';
import type { MetricInterval } from '../plugin/index.ts';

/** Durations may be counted later than requests: by a gateway every few seconds, by another scrape once a minute. */
const LATE_MS = 60_000;

/**
 * Since when green's requests are counted without their durations, epoch milliseconds; undefined where they are not. An interval
 * without requests does not change it.
 */
export function untimedSince(
  before: number | undefined,
  intervals: readonly MetricInterval[],
  green: string,
): number | undefined {
  return intervals.reduce((since, { from, counts, untimed = [] }) => {
    if ((counts[green]?.requests ?? 0) === 0) return since;
    return untimed.includes(green) ? (since ?? from) : undefined;
  }, before);
}

/** Without durations no request is slow, which proves nothing of the latency limit. A breach is one all the same. */
export function withoutDurations(
  judgement: Judgement,
  untimedMs: number,
  { rules, target, soakMs }: Pick<WatchInput, 'rules' | 'target' | 'soakMs'>,
): Judgement {
  // In a soak that is shorter than two minutes, half of it.
  const isLate = untimedMs > 0 && untimedMs >= Math.min(LATE_MS, soakMs / 2);
  if (!rules.limits.latency || !isLate || judgement.verdict === 'breached') return judgement;
  return {
    code: 'insufficient-data',
    ...judgement,
    verdict: 'inconclusive',
    reason: `the metrics count requests of ${target.green}, but not how long they take; ${judgement.reason}`,
  };
}
