import { evidenceBesideBlue, evidenceBeyondBurst, evidenceWithout, logEvidence } from './e-process.ts';
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
import { dispersion, dispersionBesideLimit } from './overdispersion.ts';
import { exceedsSignificantly, isOver } from './rates.ts';
import { chanceOfAtLeast, chanceOfAtMost } from './special-functions.ts';
import { outlasts } from './sustained-failure.ts';

/** What the evidence of one metric says: a breach, a doubt, or neither. */

/** Evidence that is left when the worst slots are taken away: a burst has none. */
const LEAST_LEFT = { hard: Math.log(3), gross: Math.log(20), comparison: Math.log(50) };
/** From so much scatter on, the two worst slots may be one cluster each. */
const CLUSTERED = 2;

export type Breach =
  | { readonly code: 'batches-over-limit'; readonly counts: Stretch; readonly batches: number }
  /** `counts` are those since the likeliest start of the trouble, or those that show that it is worth a rollback. */
  | { readonly code: 'limit-exceeded' | 'worse-than-blue'; readonly counts: Stretch; readonly logEvidence: number };

/** Why this metric is breached, if it is. */
export function breachOf(evidence: MetricEvidence, lately: Lately, terms: Terms): Breach | undefined {
  const { hard, comparison, run, soak, gross } = evidence;
  const { alpha, limit, leastWorse, mereLuck, burstToleranceMs } = terms;
  const proven = Math.log(1 / alpha);
  const scatter = dispersion(evidence.noise);
  const hardNow = logEvidence(hard);
  const inClusters = dispersionBesideLimit(evidence.noise) > CLUSTERED && evidenceWithout(2, hard) < LEAST_LEFT.hard;
  const lasting = evidenceBeyondBurst(hard) >= LEAST_LEFT.hard && !inClusters;
  const grossly = outlasts(gross, burstToleranceMs) && evidenceWithout(1, hard) >= LEAST_LEFT.gross;
  // Beside a blue that is within the limit less is asked of green alone.
  const overLimit = evidenceBesideBlue(hard) >= proven && evidenceWithout(0, hard) >= Math.log(1 / mereLuck);
  if (hardNow >= proven && overLimit && (lasting || grossly))
    return { code: 'limit-exceeded', counts: evidence.overLimit, logEvidence: hardNow };

  const comparedNow = logEvidence(comparison);
  if (comparedNow >= proven && outlastsBurst(comparison, LEAST_LEFT.comparison)) {
    // What a burst has proven stays proven; that it still is so, only the last two minutes tell.
    const counts = [soak, lately.twoMinutes].find((stretch) => isWorse(stretch, leastWorse));
    if (counts) return { code: 'worse-than-blue', counts, logEvidence: comparedNow };
  }
  if (
    run.batches >= terms.breachesInARow &&
    chanceOfAtLeast(run.greenBad / scatter, run.greenAll / scatter, limit) <= terms.mereLuck
  )
    return { code: 'batches-over-limit', counts: run, batches: run.batches };
  return undefined;
}

export type Doubt = 'hold' | 'suspicion' | 'run' | 'minute' | 'last' | 'unproven';

/** Why this metric is not proven healthy, if it is not: its end has to be quiet, and its share proven under the limit. */
export function doubtOf(evidence: MetricEvidence, lately: Lately, terms: Terms): Doubt | undefined {
  const { run, soak, last, held } = evidence;
  const { minute } = lately;
  const { limit, minRequests } = terms;
  if (held) return 'hold';
  if (isSuspicious(evidence, lately, terms)) return 'suspicion';
  if (run.batches > 0) return 'run';
  if (isOver(minute.greenBad, minute.greenAll, limit)) return 'minute';
  if (exceedsSignificantly(last.greenBad, last.greenAll, limit)) return 'last';
  if (soak.greenAll < minRequests) return 'unproven';
  return chanceOfAtMost(soak.greenBad, soak.greenAll, limit) < 0.05 ? undefined : 'unproven';
}

/** Maybe worse than blue. A burst that is over is forgiven, or such a soak could never pass. */
function isSuspicious({ suspicion, lasting }: MetricEvidence, { twoMinutes }: Lately, { leastWorse }: Terms): boolean {
  return logEvidence(suspicion) >= SUSPICIOUS && (lasting || isWorse(twoMinutes, leastWorse));
}

/** Whether green has a larger share of bad requests than blue, by so much that it is worth a rollback. */
export function isWorse({ greenAll, greenBad, blueAll, blueBad }: Pair, least: number): boolean {
  if (greenAll <= 0 || blueAll <= 0) return false;
  const [green, blue] = [shareOf(greenBad, greenAll), shareOf(blueBad, blueAll)];
  return green - blue >= least && green >= WORSE_RATIO * blue;
}
