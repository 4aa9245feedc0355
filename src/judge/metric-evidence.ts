import {
  addEvidence,
  type EProcess,
  evidenceWithoutBurst,
  isRising,
  logEvidence,
  newEProcess,
  restarted,
} from './e-process.ts';
import {
  addPairs,
  clipGains,
  comparisonEvidence,
  hardEvidence,
  LIMIT_ALTERNATIVES,
  NO_PAIR,
  type Pair,
  RATIOS,
} from './likelihood-ratios.ts';
import { addBins, dispersion, dispersionBesideLimit, type VersionBins } from './overdispersion.ts';
import { exceedsSignificantly, isOver } from './rates.ts';
import { type Gross, moreGross, NOT_GROSS } from './sustained-failure.ts';

/** Counts, and the time over which they were counted. */
export type Stretch = Pair & { readonly ms: number };

/** All that is known of one metric: errors, or slow requests. Plain JSON. */
export interface MetricEvidence {
  /** Against the limit, and against blue. */
  readonly hard: EProcess;
  readonly comparison: EProcess;
  /** The comparison taken without dispersion: too eager for a rollback, just right for not yet believing in health. */
  readonly suspicion: EProcess;
  /** In this soak it has been suspicious for longer than a burst. */
  readonly lasting: boolean;
  readonly noise: VersionBins;
  /** The soak's counts. */
  readonly soak: Stretch;
  /** Counts since the likeliest start of what speaks against green, by the limit and by blue; nothing where nothing does. */
  readonly overLimit: Stretch;
  readonly worse: Stretch;
  /** Slots in a row, up to now, with more than twice the limit: how many, and as much complete failure in time. */
  readonly gross: Gross;
  /** Blue is over the limit itself, beyond luck. */
  readonly held: boolean;
  readonly last: Stretch;
}

/** What has to be known of the rules to judge one metric. */
export interface Terms {
  /** 1 where there is none. */
  readonly limit: number;
  /** Green is worse than blue where it has more of what is counted (failures), or fewer (answers). */
  readonly worseIf: 'more' | 'fewer';
  readonly provesBreach: boolean;
  /** Smallest difference in shares that counts as worse. */
  readonly leastWorse: number;
  /** The chance of being wrong that one test may take. */
  readonly alpha: number;
  /** Green alone is over its limit only if luck explains it no better than this. */
  readonly mereLuck: number;
  readonly burstToleranceMs: number;
  readonly minRequests: number;
  /** The time in which the start of a fault is searched. */
  readonly scaleMs: number;
}

/** The slot that was judged last, and the stretches of time that end with it. */
export interface Lately {
  readonly pair: Pair;
  readonly ms: number;
  /** Whether the slot is one of the soak's: otherwise it ends a shift, and says nothing for green. */
  readonly inSoak: boolean;
  readonly minute: Stretch;
  readonly twoMinutes: Stretch;
}

/** Green is the worse one only if its share of bad requests is so many times blue's. */
export const WORSE_RATIO = 1.5;
/** What is over its limit mostly is so early: for its start a shorter part of the soak weighs as much as all of it. */
const EARLY = 0.1;
/** What makes `healthy` wait. */
export const SUSPICIOUS = Math.log(20);

/** More is asked beside a burst: all that comes after it adds up, and of few bad requests green often has all. */
const LASTING = Math.log(400);

const NO_STRETCH: Stretch = { ...NO_PAIR, ms: 0 };

export function newMetricEvidence(noise: VersionBins): MetricEvidence {
  return {
    hard: newEProcess(LIMIT_ALTERNATIVES),
    comparison: newEProcess(RATIOS.length),
    suspicion: newEProcess(RATIOS.length),
    lasting: false,
    noise,
    soak: NO_STRETCH,
    overLimit: NO_STRETCH,
    worse: NO_STRETCH,
    gross: NOT_GROSS,
    held: false,
    last: NO_STRETCH,
  };
}

export function nextSoakOf(evidence: MetricEvidence): MetricEvidence {
  const { hard, comparison, suspicion } = evidence;
  return {
    ...evidence,
    hard: restarted(hard),
    comparison: restarted(comparison),
    suspicion: restarted(suspicion),
    lasting: false,
    soak: NO_STRETCH,
  };
}

export function observeMetric(before: MetricEvidence, lately: Lately, terms: Terms): MetricEvidence {
  const { pair, ms, minute, inSoak } = lately;
  const { limit, provesBreach, scaleMs, worseIf } = terms;
  const noise = addBins(before.noise, pair, ms);
  const scatter = dispersion(noise);
  // The trailing minute alone would lag behind an incident that both versions share.
  const blues = [pair, minute].map(({ blueBad, blueAll }) => ({ bad: blueBad / scatter, all: blueAll / scatter }));
  const excused = !provesBreach || blues.some(({ bad, all }) => isOver(bad, all, limit));
  const scatterBesideLimit = dispersionBesideLimit(noise);
  const overLimit = hardEvidence(pair, limit, scatterBesideLimit);
  const isGross = !excused && isOver(pair.greenBad, pair.greenAll, 2 * limit);
  const gross = isGross ? moreGross(before.gross, pair, ms) : NOT_GROSS;
  const timing = { ms, scaleMs, burstMs: terms.burstToleranceMs };
  const hard = addEvidence(before.hard, excused ? clipGains(overLimit) : overLimit, {
    ...timing,
    scaleMs: EARLY * scaleMs,
  });
  const comparison = addEvidence(before.comparison, comparisonEvidence(pair, scatter, worseIf), timing);
  const suspicion = addEvidence(before.suspicion, comparisonEvidence(pair, 1, worseIf), timing);
  return {
    hard,
    comparison,
    gross,
    overLimit: isRising(hard) ? addStretch(before.overLimit, pair, ms) : NO_STRETCH,
    worse: isRising(comparison) ? addStretch(before.worse, pair, ms) : NO_STRETCH,
    suspicion,
    lasting: before.lasting || outlastsBurst(suspicion, LASTING),
    noise,
    soak: inSoak ? addStretch(before.soak, pair, ms) : before.soak,
    held: provesBreach && [pair, minute].some((stretch) => isBlueOver(stretch, limit, scatterBesideLimit)),
    last: { ...pair, ms },
  };
}

/**
 * Blue is over the limit itself, beyond luck. In an incident of both versions green's requests tell it apart from luck, too,
 * unless green is the worse one.
 */
function isBlueOver({ greenAll, greenBad, blueAll, blueBad }: Pair, limit: number, scatter: number): boolean {
  const beyondLuck = (bad: number, all: number) => exceedsSignificantly(bad / scatter, all / scatter, limit);
  if (beyondLuck(blueBad, blueAll)) return true;
  const isShared = isOver(blueBad, blueAll, limit) && greenBad * blueAll <= WORSE_RATIO * blueBad * greenAll;
  return isShared && beyondLuck(blueBad + greenBad, blueAll + greenAll);
}

/** So much evidence is left even if the worst of it was a burst. */
export function outlastsBurst(proof: EProcess, least: number): boolean {
  return logEvidence(proof) >= least && evidenceWithoutBurst(proof) >= least;
}

function addStretch(before: Stretch, pair: Pair, ms: number): Stretch {
  return { ...addPairs(before, pair), ms: before.ms + ms };
}
