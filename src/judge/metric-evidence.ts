import {
  addPairs,
  comparisonEvidence,
  HARD_ODDS,
  hardEvidence,
  NO_PAIR,
  type Pair,
  RATIOS,
  shareOf,
} from './alternatives.ts';
import { type Gross, moreGross, NOT_GROSS, outlasts } from './gross.ts';
import { addNoise, dispersion, type Noise } from './noise.ts';
import { chanceOfAtLeast, chanceOfAtMost } from './numbers.ts';
import {
  addEvidence,
  evidenceWithoutBurst,
  evidenceWithoutWorst,
  logEvidence,
  newProof,
  type Proof,
  renewed,
} from './proof.ts';

/** All that is known of one metric: errors, or slow requests. Plain JSON. */
export interface MetricEvidence {
  /** Against the limit, and against blue. */
  readonly hard: Proof;
  readonly comparison: Proof;
  /** The comparison taken without dispersion: too eager for a rollback, just right for not yet believing in health. */
  readonly suspicion: Proof;
  /** In this soak it has been suspicious for longer than a burst. */
  readonly lasting: boolean;
  readonly noise: Noise;
  /** The soak's counts. */
  readonly soak: Pair;
  /** The literal rule: the batch that is filling, and the batches over the limit in a row. */
  readonly batch: Pair & { readonly ms: number };
  readonly run: Pair & { readonly batches: number };
  /** Slots in a row, up to now, with more than twice the limit: how many, and as much complete failure in time. */
  readonly gross: Gross;
  /** Blue is over the limit itself. */
  readonly held: boolean;
  readonly last: Pair;
}

/** What has to be known of the rules to judge one metric. */
export interface Terms {
  readonly limit: number;
  /** Smallest difference in shares that counts as worse. */
  readonly leastWorse: number;
  /** The chance of being wrong that one test may take. */
  readonly alpha: number;
  /** Batches over the limit in a row do not count if luck explains them so well, or better. */
  readonly mereLuck: number;
  readonly patienceMs: number;
  readonly minRequests: number;
  readonly batchMs: number;
  readonly breachesInARow: number;
  /** Over which time starts of trouble are looked for. */
  readonly scaleMs: number;
}

/** The slot that was judged last, and the stretches of time that end with it. */
export interface Lately {
  readonly pair: Pair;
  readonly ms: number;
  readonly minute: Pair;
  readonly twoMinutes: Pair;
}

/** Evidence that is left when the worst slots are taken away: a burst has none. */
const LEAST_LEFT = { hard: Math.log(20), comparison: Math.log(50) };
/** What makes `healthy` wait. */
const SUSPICIOUS = Math.log(20);
/** Green is worse than blue only if it is worse by so much, too. */
const LEAST_RATIO = 1.5;
const TOLERANCE = 1e-9;

export function newMetricEvidence(stretch: number, noise: Noise): MetricEvidence {
  return {
    hard: newProof(HARD_ODDS.length, stretch),
    comparison: newProof(RATIOS.length, stretch),
    suspicion: newProof(RATIOS.length, stretch),
    lasting: false,
    noise,
    soak: NO_PAIR,
    batch: { ...NO_PAIR, ms: 0 },
    run: { ...NO_PAIR, batches: 0 },
    gross: NOT_GROSS,
    held: false,
    last: NO_PAIR,
  };
}

export function nextSoakOf(evidence: MetricEvidence): MetricEvidence {
  const { hard, comparison, suspicion } = evidence;
  return {
    ...evidence,
    hard: renewed(hard),
    comparison: renewed(comparison),
    suspicion: renewed(suspicion),
    lasting: false,
    soak: NO_PAIR,
  };
}

export function observeMetric(before: MetricEvidence, { pair, ms, minute }: Lately, terms: Terms): MetricEvidence {
  const { limit, scaleMs } = terms;
  // The trailing minute alone would lag behind an incident that both versions share.
  const held = isOver(pair.blueBad, pair.blueAll, limit) || isOver(minute.blueBad, minute.blueAll, limit);
  const noise = addNoise(before.noise, pair, ms);
  const scatter = dispersion(noise);
  const hard = held ? HARD_ODDS.map(() => 0) : hardEvidence(pair, limit, scatter);
  const suspicion = addEvidence(before.suspicion, comparisonEvidence(pair, 1), ms, scaleMs);
  const grossly = !held && isOver(pair.greenBad, pair.greenAll, 2 * limit);
  return {
    ...(held ? { batch: before.batch, run: before.run } : countLiterally(before, pair, ms, terms)),
    hard: addEvidence(before.hard, hard, ms, scaleMs),
    comparison: addEvidence(before.comparison, comparisonEvidence(pair, scatter), ms, scaleMs),
    suspicion,
    lasting: before.lasting || (logEvidence(suspicion) >= SUSPICIOUS && evidenceWithoutBurst(suspicion) >= SUSPICIOUS),
    noise,
    soak: addPairs(before.soak, pair),
    gross: grossly ? moreGross(before.gross, pair, ms) : NOT_GROSS,
    held,
    last: pair,
  };
}

function countLiterally(before: MetricEvidence, pair: Pair, ms: number, terms: Terms) {
  const batch = { ...addPairs(before.batch, pair), ms: before.batch.ms + ms };
  if (batch.ms < terms.batchMs || batch.greenAll < terms.minRequests) return { batch, run: before.run };
  const over = isOver(batch.greenBad, batch.greenAll, terms.limit);
  const run = over ? { ...addPairs(before.run, batch), batches: before.run.batches + 1 } : { ...NO_PAIR, batches: 0 };
  return { batch: { ...NO_PAIR, ms: 0 }, run };
}

export type Breach =
  | { readonly because: 'literal'; readonly pair: Pair; readonly batches: number }
  | {
      readonly because: 'hard' | 'comparison';
      readonly pair: Pair;
      /** Where the whole soak waters it down: what the last minute says. */
      readonly minute?: Pair;
      readonly logEvidence: number;
    };

/** Why this metric is breached, if it is. */
export function breachOf(evidence: MetricEvidence, lately: Lately, terms: Terms): Breach | undefined {
  const { hard, comparison, run, soak, gross } = evidence;
  const { alpha, limit, leastWorse, patienceMs } = terms;
  const proven = Math.log(1 / alpha);
  const hardNow = logEvidence(hard);
  const lasting = evidenceWithoutBurst(hard) >= LEAST_LEFT.hard;
  const grossly = outlasts(gross, patienceMs) && evidenceWithoutWorst(hard) >= LEAST_LEFT.hard;
  if (hardNow >= proven && (lasting || grossly)) {
    const watered = !isOver(soak.greenBad, soak.greenAll, limit);
    return { because: 'hard', pair: soak, logEvidence: hardNow, ...(watered ? { minute: lately.minute } : {}) };
  }

  const comparedNow = logEvidence(comparison);
  if (comparedNow >= proven && evidenceWithoutBurst(comparison) >= LEAST_LEFT.comparison) {
    // What a burst has proven stays proven; that it still is so, only the last two minutes tell.
    const pair = [soak, lately.twoMinutes].find((counts) => isWorse(counts, leastWorse));
    if (pair) return { because: 'comparison', pair, logEvidence: comparedNow };
  }
  const scatter = dispersion(evidence.noise);
  if (
    run.batches >= terms.breachesInARow &&
    chanceOfAtLeast(run.greenBad / scatter, run.greenAll / scatter, limit) <= terms.mereLuck
  )
    return { because: 'literal', pair: run, batches: run.batches };
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
  if (isOver(last.greenBad, last.greenAll, 2 * limit)) return 'last';
  if (soak.greenAll < minRequests) return 'unproven';
  return chanceOfAtMost(soak.greenBad, soak.greenAll, limit) < 0.05 ? undefined : 'unproven';
}

/** Maybe worse than blue. A burst that is over is forgiven, or such a soak could never pass. */
function isSuspicious({ suspicion, lasting }: MetricEvidence, { twoMinutes }: Lately, { leastWorse }: Terms): boolean {
  return logEvidence(suspicion) >= SUSPICIOUS && (lasting || isWorse(twoMinutes, leastWorse));
}

function isOver(bad: number, all: number, limit: number): boolean {
  return bad - limit * all > TOLERANCE * all;
}

function isWorse({ greenAll, greenBad, blueAll, blueBad }: Pair, least: number): boolean {
  if (greenAll <= 0 || blueAll <= 0) return false;
  const [green, blue] = [shareOf(greenBad, greenAll), shareOf(blueBad, blueAll)];
  return green - blue >= least && green >= LEAST_RATIO * blue;
}
