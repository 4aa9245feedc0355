import { seconds } from '../format/index.ts';
import { shareOf } from './likelihood-ratios.ts';
import type { Lately, MetricEvidence, Stretch } from './metric-evidence.ts';
import { type Breach, isWorse, type Objection, type Worse } from './metric-verdict.ts';
import { stretchWords, type Words } from './reasons.ts';

/** What the judge with evidence says to the person on call. */

export function breachReason(metric: Words, breach: Breach, tests: number): string {
  const counts = stretchWords(metric, breach.counts);
  const what =
    breach.code === 'limit-exceeded' ? 'green is over its limit' : 'green is worse than blue at the same time';
  return `${counts}; ${what}: chance of this by luck ${chanceWords(breach.logEvidence, tests)}`;
}

/** Ville: evidence of E or more comes up by luck in at most one of E cases; each of the tests has its chance. */
function chanceWords(logEvidence: number, tests: number): string {
  const digits = Math.min(9, Math.floor((logEvidence - Math.log(tests)) / Math.LN10));
  return digits < 1 ? 'under 1 in 10' : `under 1 in ${(10 ** digits).toLocaleString('en-US')}`;
}

export function doubtReason(
  metric: Words,
  evidence: MetricEvidence,
  { minute, twoMinutes }: Lately,
  { doubt, terms }: { readonly doubt: Objection; readonly terms: Worse & { readonly limit: number } },
): string {
  const of = (counts: Stretch) => stretchWords(metric, counts);
  const { soak, worse, last } = evidence;
  switch (doubt) {
    case 'hold': {
      const isMinuteOver = shareOf(minute.blueBad, minute.blueAll) > terms.limit;
      return `blue is over the limit itself: ${of(isMinuteOver ? minute : last)}`;
    }
    case 'suspicion': {
      const counts = [soak, twoMinutes].find((stretch) => isWorse(stretch, terms)) ?? worse;
      return `${of(counts)}; green looks worse than blue, but it is not proven`;
    }
    case 'minute':
      return of(minute);
    case 'last':
      return `${of(last)}, in the newest reading`;
    case 'soak':
      return `${of(soak)}: over the limit, but it is not proven to be more than luck`;
  }
}

export function holdWords(reason: string, heldMs: number, exhausted: boolean): string {
  return exhausted
    ? `${reason}; for ${seconds(heldMs)} already, and a rollback to blue may not help`
    : `${reason}; a rollback would not help, so the soak's clock is stopped`;
}
