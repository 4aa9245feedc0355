import { betAlone, evidenceAlone, evidenceBesideBlue, evidenceBeyondBurst, logEvidence } from './e-process.ts';
import { type Pair, shareOf } from './likelihood-ratios.ts';
import {
  type Lately,
  type MetricEvidence,
  outlastsBurst,
  type Stretch,
  SUSPICIOUS,
  type Terms,
  WORSE_RATIO,
} from './metric-evidence.ts';
import { isDispersionKnown } from './overdispersion.ts';
import { exceedsSignificantly, isOver } from './rates.ts';
import { chanceOfAtLeast, chanceOfAtMost } from './special-functions.ts';
import { outlasts } from './sustained-failure.ts';

/** What the evidence of one metric says: a breach, a doubt, or neither. */

/** Evidence that is left without the worst burst: a burst has none. */
const LEAST_LEFT = { hard: Math.log(2), comparison: Math.log(50) };

/** While nothing is known of clusters, the bet has to agree, which needs no such knowledge. */
const BET_AGREES = Math.log(9);

/** A difference in the last two minutes makes `healthy` wait only if it is this unlikely where both versions are as good. */
const BY_LUCK = 0.05;

/** `counts` are those since the likeliest start of the trouble, or those that show that it is worth a rollback. */
export interface Breach {
  readonly code: 'limit-exceeded' | 'worse-than-blue';
  readonly counts: Stretch;
  readonly logEvidence: number;
}

/** Why this metric is breached, if it is. */
export function breachOf(evidence: MetricEvidence, lately: Lately, terms: Terms): Breach | undefined {
  const { hard, comparison, soak, gross } = evidence;
  const { alpha, mereLuck, burstToleranceMs } = terms;
  const proven = Math.log(1 / alpha);
  const hardNow = logEvidence(hard);
  // Beside a blue that is within the limit less is asked of green alone.
  const isOverLimit = evidenceBesideBlue(hard) >= proven && evidenceAlone(hard) >= Math.log(1 / mereLuck);
  const lasts = evidenceBeyondBurst(hard) >= LEAST_LEFT.hard || outlasts(gross, burstToleranceMs);
  const isNoCluster = isDispersionKnown(evidence.noise) || betAlone(hard) >= BET_AGREES;
  if (hardNow >= proven && isOverLimit && lasts && isNoCluster)
    return { code: 'limit-exceeded', counts: evidence.overLimit, logEvidence: hardNow };
  const comparedNow = logEvidence(comparison);
  if (comparedNow < proven || !outlastsBurst(comparison, LEAST_LEFT.comparison)) return undefined;
  // What a burst has proven stays proven; that it still is so, only the last two minutes tell.
  const counts = [soak, lately.twoMinutes].find((stretch) => isWorse(stretch, terms));
  return counts && { code: 'worse-than-blue', counts, logEvidence: comparedNow };
}

export type Doubt = 'hold' | 'suspicion' | 'minute' | 'last' | 'unproven';

/** Why this metric is not proven healthy, if it is not: its end has to be quiet, and its share proven under the limit. */
export function doubtOf(evidence: MetricEvidence, lately: Lately, terms: Terms): Doubt | undefined {
  const { soak, last, held } = evidence;
  const { minute } = lately;
  const { limit, minRequests } = terms;
  if (held) return 'hold';
  if (isSuspicious(evidence, lately, terms)) return 'suspicion';
  if (isOver(minute.greenBad, minute.greenAll, limit)) return 'minute';
  if (exceedsSignificantly(last.greenBad, last.greenAll, limit)) return 'last';
  if (soak.greenAll < minRequests) return 'unproven';
  return chanceOfAtMost(soak.greenBad, soak.greenAll, limit) < 0.05 ? undefined : 'unproven';
}

export type Objection = Exclude<Doubt, 'unproven'> | 'soak';

/**
 * What speaks against green by a metric that need not be proven: of few events none is said to be too many unless luck
 * explains it badly.
 */
export function objectionOf(evidence: MetricEvidence, lately: Lately, terms: Terms): Objection | undefined {
  const isOverBeyondLuck = ({ greenBad, greenAll }: Pair) => exceedsSignificantly(greenBad, greenAll, terms.limit);
  if (evidence.held) return 'hold';
  if (isSuspicious(evidence, lately, terms)) return 'suspicion';
  if (isOverBeyondLuck(lately.minute)) return 'minute';
  if (isOverBeyondLuck(evidence.last)) return 'last';
  return isOverBeyondLuck(evidence.soak) ? 'soak' : undefined;
}

/** Maybe worse than blue. A burst that is over is forgiven, or such a soak could never pass. */
function isSuspicious({ suspicion, lasting }: MetricEvidence, { twoMinutes }: Lately, terms: Terms): boolean {
  const isNow = isWorse(twoMinutes, terms) && chanceByLuck(twoMinutes, terms) <= BY_LUCK;
  return logEvidence(suspicion) >= SUSPICIOUS && (lasting || isNow);
}

/** The chance that green has so many of all bad requests, or a number that is worse, where both versions are equally good. */
function chanceByLuck({ greenAll, greenBad, blueAll, blueBad }: Pair, { worseIf }: Terms): number {
  const chance = worseIf === 'more' ? chanceOfAtLeast : chanceOfAtMost;
  return chance(greenBad, greenBad + blueBad, greenAll / (greenAll + blueAll));
}

/** Whether green's share of bad requests is worse than blue's by so much that it is worth a rollback. */
export function isWorse({ greenAll, greenBad, blueAll, blueBad }: Pair, { leastWorse, worseIf }: Worse): boolean {
  if (greenAll <= 0 || blueAll <= 0) return false;
  const [green, blue] = [shareOf(greenBad, greenAll), shareOf(blueBad, blueAll)];
  const [more, less] = worseIf === 'more' ? [green, blue] : [blue, green];
  return more > less && more - less >= leastWorse && more >= WORSE_RATIO * less;
}

/** What makes a difference worth a rollback. */
export type Worse = Pick<Terms, 'leastWorse' | 'worseIf'>;
