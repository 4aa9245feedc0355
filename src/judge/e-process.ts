import { LOG_ZERO, logAdd, logMean, logOf } from './special-functions.ts';

/** What one interval says: logarithms of likelihood ratios, one per alternative, each against a null of its own. */
export interface Ratios {
  /** Against what has the guarantee not to be rolled back by luck. */
  readonly guarded: readonly number[];
  /** Against the best that would still have to be rolled back: with what blue did at the same time, and without. */
  readonly beside: readonly number[];
  readonly bound: readonly number[];
  /** Relative to what is usual: a burst differs from the time around it. */
  readonly usual: readonly number[];
}

/**
 * Evidence that may be checked after every interval: an e-process. It starts at 1 and, as long as the
 * null hypothesis holds, is not expected to grow; the chance that it ever reaches 1 / alpha is at most alpha (Ville), however
 * often one looks. It is a mixture over alternatives (how bad) and over starting times (since when).
 */
export interface EProcess {
  /** Logarithms, one per alternative: `guarded` summed over all starts, as weighted. Rounded: the state stays short. */
  readonly whole: readonly number[];
  /** `bound` from the likeliest start on, not weighted: `left[d]` without the `d` worst intervals, for d = 0, 1, 2. */
  readonly left: readonly (readonly number[])[];
  /** `usual` from the likeliest start on. */
  readonly since: readonly number[];
  /** The most that a burst can have added to that: so many intervals in a row as it touches at most, or fewer. */
  readonly burst: readonly number[];
  /** `usual` of the newest so many intervals, the last one last. */
  readonly newest: readonly (readonly number[])[];
  /** `beside` from the likeliest start on. Missing in a soak that an older build began: there it was `bound`. */
  readonly beside?: readonly number[];
  /** The part of the starting times' weight that lies in the future. */
  readonly future: number;
  /** How long the soak has been watched. */
  readonly seenMs: number;
}

/** So much of the weight is on "bad from the start"; the rest is on later starts. */
const AT_ONCE = 0.5;
const DIGITS = 1e3;

/** `stretch`: how many intervals in a row a burst touches at most. */
export function newEProcess(alternatives: number, stretch: number): EProcess {
  const row = (value: number) => Array.from({ length: alternatives }, () => value);
  return {
    whole: row(LOG_ZERO),
    left: [row(0), row(0), row(0)],
    beside: row(0),
    since: row(0),
    burst: row(0),
    newest: Array.from({ length: stretch }, () => row(0)),
    future: 1,
    seenMs: 0,
  };
}

/** Another soak has a budget of its own for being wrong; what has built up stays. */
export function restarted(proof: EProcess): EProcess {
  return { ...proof, future: 1, seenMs: 0 };
}

/**
 * Takes in one interval. The weight of a start at time t falls as 1 / (1 + t / scale)^2: it never runs out, so that what
 * begins in the fourth hour at an open gate is found, too.
 */
export function addEvidence(proof: EProcess, ratios: Ratios, ms: number, scaleMs: number): EProcess {
  const seenMs = proof.seenMs + ms;
  const future = (1 - AT_ONCE) * (scaleMs / (scaleMs + seenMs));
  const weight = logOf(Math.max(0, proof.future - future));
  const whole = proof.whole.map((before, column) => rounded((ratios.guarded[column] ?? 0) + logAdd(before, weight)));
  const goOn = (before: number, more = 0) => rounded(Math.max(0, before + more));
  const left = proof.left.map((row, dropped) =>
    row.map((before, column) =>
      Math.min(goOn(before, ratios.bound[column]), proof.left[dropped - 1]?.[column] ?? Infinity),
    ),
  );
  const beside = besideOf(proof).map((before, column) => goOn(before, ratios.beside[column]));
  const since = proof.since.map((before, column) => goOn(before, ratios.usual[column]));
  const newest = [...proof.newest.slice(1), ratios.usual.map(rounded)];
  const burst = proof.burst.map((most, column) =>
    since[column] === 0 ? 0 : rounded(Math.max(most, mostAtTheEnd(newest.map((one) => one[column] ?? 0)))),
  );
  return { whole, left, beside, since, burst, newest, future, seenMs };
}

/** The largest sum of the last one, two, three ... values. */
function mostAtTheEnd(values: readonly number[]): number {
  let [sum, most] = [0, 0];
  for (const value of values.toReversed()) most = Math.max(most, (sum += value));
  return most;
}

/** The logarithm of the evidence. */
export function logEvidence({ whole, future }: EProcess): number {
  return logAdd(logMean(whole), logOf(future));
}

/**
 * Whether what was counted since the likeliest start speaks against the null at all: for the mildest alternative. The
 * ratio is concave in the alternative, so that it does for the mildest where it does for any.
 */
export function isRising({ left }: EProcess): boolean {
  return (left[0]?.[0] ?? 0) > 0;
}

/** What it is since the likeliest start of the trouble, without the worst intervals, so many as `dropped`. */
export function evidenceWithout(dropped: 0 | 1 | 2, { left }: EProcess): number {
  return Math.max(...(left[dropped] ?? []));
}

/** The same with nothing taken away, and blue counted as well. */
export function evidenceBesideBlue(proof: EProcess): number {
  return Math.max(...besideOf(proof));
}

function besideOf({ beside, left }: EProcess): readonly number[] {
  return beside ?? left[0] ?? [];
}

/** Since the likeliest start of the trouble, without the worst stretch that a burst can be. */
export function evidenceWithoutBurst({ since, burst }: EProcess): number {
  return Math.max(...since.map((all, column) => all - (burst[column] ?? 0)));
}

/**
 * How much better trouble that goes on as it is explains what was seen than a burst does, each as bad as fits it best: a
 * single bad request beside a complete failure does not make the failure a lasting one.
 */
export function evidenceBeyondBurst({ since, burst }: EProcess): number {
  return Math.max(...since) - Math.max(...burst);
}

function rounded(value: number): number {
  return Math.max(LOG_ZERO, Math.round(value * DIGITS) / DIGITS);
}
