import { LOG_ZERO, logAdd, logMean, logOf } from './special-functions.ts';

/** What one slot says: logarithms of likelihood ratios, one per alternative, each against a null of its own. */
export interface Ratios {
  /** Against what has the guarantee not to be rolled back by luck. */
  readonly guarded: readonly number[];
  /** Against the worst that would not have to be rolled back: with what blue did at the same time, and without. Of a limit only. */
  readonly beside?: readonly number[];
  readonly alone?: readonly number[];
  /** Against what is usual: a burst differs from the time around it. */
  readonly usual: readonly number[];
}

/**
 * Evidence that may be checked after every slot: an e-process. It starts at 1 and, as long as the null hypothesis holds, is
 * not expected to grow; the chance that it ever reaches 1 / alpha is at most alpha (Ville), however often one looks. It is a
 * mixture over alternatives (how bad) and over starting times (since when).
 */
export interface EProcess {
  /** Logarithms, one per alternative: `guarded` summed over all starts, as weighted. Rounded: the state stays short. */
  readonly whole: readonly number[];
  /** The others since their likeliest start, not weighted. */
  readonly beside?: readonly number[];
  readonly alone?: readonly number[];
  readonly usual: readonly number[];
  /** `usual` at the ends of the slots that a burst which still goes on can have touched, and of the one before them. */
  readonly lately: readonly (readonly [seenMs: number, ...usual: number[]])[];
  /** The most that one burst can have added to `usual`. */
  readonly burst: readonly number[];
  /** The part of the starting times' weight that lies in the future. */
  readonly future: number;
  /** How long the soak has been watched. */
  readonly seenMs: number;
}

/** What is known before the slot: its length, the time in which the start of a fault is searched, and how long a burst lasts. */
export interface Timing {
  readonly ms: number;
  readonly scaleMs: number;
  readonly burstMs: number;
}

/** So much of the weight is on "bad from the start"; the rest is on later starts. */
const AT_ONCE = 0.5;
/** Slots are never exactly as long as readings are apart. */
const SLACK = 0.95;
const DIGITS = 1e3;

export function newEProcess(alternatives: number): EProcess {
  const row = (value: number) => Array.from({ length: alternatives }, () => value);
  const none = row(0);
  return {
    whole: row(LOG_ZERO),
    usual: none,
    lately: [[0, ...none]],
    burst: none,
    future: 1,
    seenMs: 0,
  };
}

/** Another soak has a budget of its own for being wrong; what has built up stays. */
export function restarted(proof: EProcess): EProcess {
  const lately = proof.lately.map(([seenMs, ...usual]) => [seenMs - proof.seenMs, ...usual] as const);
  return { ...proof, lately, future: 1, seenMs: 0 };
}

/**
 * Takes in one slot. The weight of a start at time t falls as 1 / (1 + t / scale)^2: it never runs out, so that what begins in
 * the fourth hour at an open gate is found, too.
 */
export function addEvidence(proof: EProcess, ratios: Ratios, { ms, scaleMs, burstMs }: Timing): EProcess {
  const seenMs = proof.seenMs + ms;
  const future = (1 - AT_ONCE) * (scaleMs / (scaleMs + seenMs));
  const weight = logOf(Math.max(0, proof.future - future));
  const usual = addSince(proof.usual, ratios.usual);
  // A burst that reaches into this slot did not begin before this moment.
  const burstFrom = proof.seenMs - SLACK * burstMs;
  const lately = proof.lately.slice(
    Math.max(
      0,
      proof.lately.findLastIndex(([at]) => at <= burstFrom),
    ),
  );
  const burst = usual.map((sum, alternative) =>
    sum === 0
      ? 0
      : rounded(
          Math.max(proof.burst[alternative] ?? 0, ...lately.map(([, ...sums]) => sum - (sums[alternative] ?? 0))),
        ),
  );
  return {
    whole: proof.whole.map((old, alternative) => rounded(logAdd(old, weight) + (ratios.guarded[alternative] ?? 0))),
    ...(ratios.beside && { beside: addSince(proof.beside, ratios.beside) }),
    ...(ratios.alone && { alone: addSince(proof.alone, ratios.alone) }),
    usual,
    lately: addSum(lately, seenMs, usual),
    burst,
    future,
    seenMs,
  };
}

/** Only what changed is kept, and nothing before a moment without any. */
function addSum(before: EProcess['lately'], seenMs: number, usual: readonly number[]): EProcess['lately'] {
  const [, ...last] = before.at(-1) ?? [];
  if (usual.every((sum, alternative) => sum === last[alternative])) return before;
  return [...(usual.some((sum) => sum > 0) ? before : []), [seenMs, ...usual]];
}

function addSince(before: readonly number[] = [], ratios: readonly number[]): number[] {
  return ratios.map((ratio, alternative) => rounded(Math.max(0, (before[alternative] ?? 0) + ratio)));
}

/** The logarithm of the evidence. */
export function logEvidence({ whole, future }: EProcess): number {
  return logAdd(logMean(whole), logOf(future));
}

/**
 * Whether what was counted since the likeliest start speaks against the null at all: for the mildest alternative. The
 * ratio is concave in the alternative, so that it does for the mildest where it does for any.
 */
export function isRising({ usual, alone = usual }: EProcess): boolean {
  return (alone[0] ?? 0) > 0;
}

/** Since the likeliest start of the trouble: by green alone, and with blue counted as well. */
export function evidenceAlone({ alone = [] }: EProcess): number {
  return Math.max(0, ...alone);
}

/** Of the evidence alone, the last alternative: against the limit it is the bet. */
export function betAlone({ alone = [] }: EProcess): number {
  return alone.at(-1) ?? 0;
}

export function evidenceBesideBlue({ beside = [] }: EProcess): number {
  return Math.max(0, ...beside);
}

/** What is left since the likeliest start of the trouble if the worst of it was a burst. */
export function evidenceWithoutBurst({ usual, burst }: EProcess): number {
  return Math.max(...usual.map((sum, alternative) => sum - (burst[alternative] ?? 0)));
}

/**
 * How much better trouble that goes on as it is explains what was seen than a burst does, each as bad as fits it best: a
 * single bad request beside a complete failure does not make the failure a lasting one.
 */
export function evidenceBeyondBurst({ usual, burst }: EProcess): number {
  return Math.max(...usual) - Math.max(...burst);
}

function rounded(value: number): number {
  return Math.max(LOG_ZERO, Math.round(value * DIGITS) / DIGITS);
}
