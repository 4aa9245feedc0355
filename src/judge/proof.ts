import { LOG_ZERO, logAdd, logMean, logOf } from './numbers.ts';

/**
 * Evidence that may be looked at after every interval (judge.md 3.4): an e-process. It starts at 1 and, as long as the
 * null hypothesis holds, is not expected to grow; the chance that it ever reaches 1 / alpha is at most alpha (Ville), however
 * often one looks. It is a mixture over alternatives (how bad) and over starting times (since when).
 */
export interface Proof {
  /** Logarithms, one per alternative: the evidence summed over all starts, as weighted. Rounded: the state stays short. */
  readonly whole: readonly number[];
  /** The same from the likeliest start on, not weighted: `left[d]` without the `d` worst intervals, for d = 0, 1, 2. */
  readonly left: readonly (readonly number[])[];
  /**
   * The same without the worst stretch of so many intervals in a row, for polls that are short beside the patience: first
   * with 1, 2, ... intervals of the stretch just passed, last with all of it over. Empty where two intervals are as much.
   */
  readonly burst: readonly (readonly number[])[];
  /** The part of the starting times' weight that lies in the future. */
  readonly future: number;
  /** How long the soak has been watched. */
  readonly seenMs: number;
}

/** So much of the weight is on "bad from the start"; the rest is on later starts. */
const AT_ONCE = 0.5;
const DIGITS = 1e3;
/** However short the patience: so many bad intervals, wherever they lie, are no proof. */
const WORST = 2;

/** `stretch`: how many intervals in a row may be left out. */
export function newProof(alternatives: number, stretch: number): Proof {
  const row = (value: number) => Array.from({ length: alternatives }, () => value);
  const burst = stretch > WORST ? Array.from({ length: stretch + 1 }, () => row(0)) : [];
  return { whole: row(LOG_ZERO), left: [row(0), row(0), row(0)], burst, future: 1, seenMs: 0 };
}

/** Another soak has a budget of its own for being wrong; what has built up stays. */
export function renewed(proof: Proof): Proof {
  return { ...proof, future: 1, seenMs: 0 };
}

/**
 * Takes in one interval: the logarithm of the likelihood ratio for each alternative. The weight of a start at time t falls
 * as 1 / (1 + t / scale)^2: it never runs out, so that what begins in the fourth hour at an open gate is found, too.
 */
export function addEvidence(proof: Proof, ratios: readonly number[], ms: number, scaleMs: number): Proof {
  const seenMs = proof.seenMs + ms;
  const future = (1 - AT_ONCE) * (scaleMs / (scaleMs + seenMs));
  const weight = logOf(Math.max(0, proof.future - future));
  const whole = proof.whole.map((before, column) => rounded((ratios[column] ?? 0) + logAdd(before, weight)));
  const goOn = (before: number, column: number) => rounded(Math.max(0, before + (ratios[column] ?? 0)));
  const left = proof.left.map((row, dropped) =>
    row.map((before, column) => Math.min(goOn(before, column), proof.left[dropped - 1]?.[column] ?? Infinity)),
  );
  const burst = proof.burst.map((row, passed) =>
    passed < proof.burst.length - 1
      ? (proof.burst[passed - 1] ?? proof.left[0] ?? row)
      : row.map((_, column) => goOn(Math.min(...proof.burst.map((one) => one[column] ?? 0)), column)),
  );
  return { whole, left, burst, future, seenMs };
}

/** The logarithm of the evidence. */
export function logEvidence({ whole, future }: Proof): number {
  return logAdd(logMean(whole), logOf(future));
}

/** What is left of it, since the trouble began, without the worst interval. */
export function evidenceWithoutWorst({ left }: Proof): number {
  return Math.max(...(left[1] ?? []));
}

/** What is left of it without the two worst intervals, and without the worst stretch: a burst leaves nothing. */
export function evidenceWithoutBurst({ left, burst }: Proof): number {
  const columns = (left[WORST] ?? []).map((value, column) => Math.min(value, ...burst.map((row) => row[column] ?? 0)));
  return Math.max(...columns);
}

function rounded(value: number): number {
  return Math.max(LOG_ZERO, Math.round(value * DIGITS) / DIGITS);
}
