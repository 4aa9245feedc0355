import { chanceOfAtLeast } from './special-functions.ts';

/** A share exactly at its limit is within it, although 29 % is no exact binary fraction. */
const TOLERANCE = 1e-9;
/** So rarely a few requests at the limit look worse: then it is no luck. */
const SIGNIFICANCE = 0.01;

export function isOver(bad: number, all: number, limit: number): boolean {
  return bad - limit * all > TOLERANCE * all;
}

/** Beyond luck: of a few requests too many are bad every now and then. */
export function exceedsSignificantly(bad: number, all: number, limit: number): boolean {
  return isOver(bad, all, limit) && chanceOfAtLeast(bad, all, limit) <= SIGNIFICANCE;
}
