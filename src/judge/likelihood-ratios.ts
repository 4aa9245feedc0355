import type { Ratios } from './e-process.ts';

/** What a bad release could look like, and how well an interval fits it compared with a good one. */

/** Of one metric in one interval: how many requests each version had, and how many of them were bad. */
export interface Pair {
  readonly greenAll: number;
  readonly greenBad: number;
  readonly blueAll: number;
  readonly blueBad: number;
}

/** Green's odds of a bad request, as a multiple of the odds at the limit. */
const HARD_ODDS = [1.2, 1.5, 2, 4, 12, 100] as const;
/**
 * The part of a stake that is bet on more bad requests than the null allows. Other than the likelihood ratios it does not
 * take requests to be independent.
 */
const BET = 0.7;
/** Green's share of bad requests as a multiple of blue's. */
export const RATIOS = [1.5, 2, 3, 5, 10, 30] as const;

/** Parts of the limit: a release within the first has the proven bound; the second is a share as releases usually have it. */
const GUARDED = 0.5;
const USUAL = 0.1;

/** How many alternatives there are against the limit: as likelihood ratios, and the bet. */
export const LIMIT_ALTERNATIVES = HARD_ODDS.length + 1;

/**
 * Nulls: in every interval green's share of bad requests is at most the limit, or a part of it. Where blue is
 * counted, too, no more than blue's at the same time: what blue answers well then tells for a fault of green's own, and
 * what it does not answers for green.
 */
export function hardEvidence(pair: Pair, limit: number, dispersion: number): Required<Ratios> {
  if (limit >= 1) return NO_LIMIT;
  const alone = { ...pair, blueAll: 0, blueBad: 0 };
  const against = (counts: Pair, most: number) => [
    ...hardRatios(counts, { limit, most, dispersion }),
    betRatio(counts, most),
  ];
  return {
    guarded: against(pair, GUARDED * limit),
    beside: against(pair, limit),
    alone: against(alone, limit),
    usual: against(alone, USUAL * limit),
  };
}

/**
 * Under each alternative green has a share of its own, and blue one as usual; but higher where otherwise fewer requests
 * were bad than with both at `most`. So the ratio is not expected to exceed 1, whatever the two shares up to `most` are,
 * if blue's is no smaller: the logarithm of what is expected is 0 where both are at `most`, rises there, and is concave.
 */
function hardRatios(
  { greenAll, greenBad, blueAll, blueBad }: Pair,
  { limit, most, dispersion }: { readonly limit: number; readonly most: number; readonly dispersion: number },
): number[] {
  return HARD_ODDS.map((odds) => {
    const share = (odds * limit) / (1 - limit + odds * limit);
    const ofGreen = logRatio(greenBad, greenAll, share, most);
    if (blueAll <= 0) return ofGreen / dispersion;
    const blueShare = Math.max(USUAL * limit, most - ((share - most) * greenAll) / blueAll);
    return (ofGreen + logRatio(blueBad, blueAll, blueShare, most)) / dispersion;
  });
}

/**
 * What a stake of 1 becomes. Beside what the null expects at most, the bad requests are 1 on average, however those of one slot hang
 * together: so the stake is not expected to grow, and no dispersion has to be known. A cluster of failures moves it once.
 */
function betRatio({ greenAll, greenBad }: Pair, most: number): number {
  return greenAll <= 0 ? 0 : Math.log(1 - BET + (BET * greenBad) / (greenAll * most));
}

function logRatio(bad: number, all: number, share: number, most: number): number {
  return bad * Math.log(share / most) + (all - bad) * Math.log((1 - share) / (1 - most));
}

const NONE = RATIOS.map(() => 0);
const NOTHING_NEW: Ratios = { guarded: NONE, usual: NONE };
/** A limit of 100 % cannot be exceeded. */
const NOT_OVER = Array.from({ length: LIMIT_ALTERNATIVES }, () => 0);
const NO_LIMIT = { guarded: NOT_OVER, beside: NOT_OVER, alone: NOT_OVER, usual: NOT_OVER };

/**
 * Null: within an interval a request's colour does not change its chance of being bad, whatever that chance is and however
 * it moves. Given all bad requests, green's part is hypergeometric; a binomial is no tighter (Hoeffding
 * 1963), so the ratio is not expected to exceed 1. Where `fewer` is worse, green's share is the one divided by the ratio.
 */
export function comparisonEvidence(pair: Pair, dispersion: number, worseIf: 'more' | 'fewer' = 'more'): Ratios {
  const { greenAll, greenBad, blueAll, blueBad } = pair;
  if (greenAll <= 0 || blueAll <= 0) return NOTHING_NEW;
  const share = greenAll / (greenAll + blueAll);
  const ratios = RATIOS.map((most) => {
    const ratio = worseIf === 'more' ? most : 1 / most;
    const worse = (ratio * greenAll) / (ratio * greenAll + blueAll);
    return (greenBad * Math.log(worse / share) + blueBad * Math.log((1 - worse) / (1 - share))) / dispersion;
  });
  return { guarded: ratios, usual: ratios };
}

/** Only what speaks against a rollback: a bet that could be drawn back when it is about to be lost would prove nothing. */
export function clipGains({ guarded, beside, alone, usual }: Required<Ratios>): Ratios {
  const lost = (ratios: readonly number[]) => ratios.map((ratio) => Math.min(0, ratio));
  return { guarded: lost(guarded), beside: lost(beside), alone: lost(alone), usual: lost(usual) };
}

export function addPairs(a: Pair, b: Pair): Pair {
  return {
    greenAll: a.greenAll + b.greenAll,
    greenBad: a.greenBad + b.greenBad,
    blueAll: a.blueAll + b.blueAll,
    blueBad: a.blueBad + b.blueBad,
  };
}

export const NO_PAIR: Pair = { greenAll: 0, greenBad: 0, blueAll: 0, blueBad: 0 };

/** A share; 0 where there were no requests. */
export function shareOf(bad: number, all: number): number {
  return all > 0 ? bad / all : 0;
}
