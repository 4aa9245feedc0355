import type { Pair } from './alternatives.ts';
import type { Lately, MetricEvidence } from './metric-evidence.ts';
import type { Breach, Doubt } from './metric-verdict.ts';
import { greenWords, type Metric, pairWords, seconds } from './words.ts';

/** What the judge with evidence says to the person on call. */

export function breachReason(metric: Metric, breach: Breach, tests: number): string {
  const counts = pairWords(metric, breach.pair);
  if (breach.because === 'literal') return `${counts}, over ${breach.batches} batches in a row`;
  const what = breach.because === 'hard' ? 'green is over its limit' : 'green is worse than blue at the same time';
  const lately = breach.minute ? `; in the last minute ${greenWords(metric, breach.minute)}` : '';
  return `${counts}${lately}; ${what}: chance of this by luck ${chanceWords(breach.logEvidence, tests)}`;
}

/** Ville: evidence of E or more comes up by luck in at most one of E cases; each of the tests has its chance. */
function chanceWords(logEvidence: number, tests: number): string {
  const digits = Math.min(9, Math.floor((logEvidence - Math.log(tests)) / Math.LN10));
  return digits < 1 ? 'under 1 in 10' : `under 1 in ${(10 ** digits).toLocaleString('en-US')}`;
}

export function doubtReason(
  metric: Metric,
  evidence: MetricEvidence,
  { minute }: Lately,
  doubt: Exclude<Doubt, 'unproven'>,
): string {
  const of = (pair: Pair) => pairWords(metric, pair);
  switch (doubt) {
    case 'hold':
      return `blue is over the limit itself: ${of(minute)}, in the last minute`;
    case 'suspicion':
      return `${of(evidence.soak)}; green looks worse than blue, but it is not proven`;
    case 'run':
      return `${of(evidence.run)}, over ${evidence.run.batches === 1 ? '1 batch' : `${evidence.run.batches} batches in a row`}; a breach is not proven`;
    case 'minute':
      return `${of(minute)}, in the last minute`;
    case 'last':
      return `${of(evidence.last)}, in the newest reading`;
  }
}

export function holdWords(reason: string, heldMs: number, exhausted: boolean): string {
  return exhausted
    ? `${reason}; for ${seconds(heldMs)} already, and a rollback to blue may not help: a person has to decide`
    : `${reason}; a rollback would not help, so the soak's clock is stopped`;
}
