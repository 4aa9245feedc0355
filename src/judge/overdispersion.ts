import type { Pair } from './likelihood-ratios.ts';

/**
 * How scattered bad requests are. A retry storm or one bad pod fails requests in clusters, and 20 failures of one cluster
 * are the evidence of one. The dispersion D is the variance of the counts beside that of independent requests; evidence
 * is divided by it. It is taken from adjacent stretches of time: a trend, or an incident in the past, is no scatter.
 */
export interface VersionBins {
  /** The dispersion before the soak; null where it is not known. */
  readonly history: number | null;
  readonly blue: Arm;
  readonly green: Arm;
}

interface Arm {
  /** The stretch that is filling, and the one before. */
  readonly open: Stretch & { readonly ms: number };
  readonly last: Stretch | null;
  /** How many stretches there were so far. */
  readonly stretches: number;
  /** Squared deviations of adjacent stretches, each 1 on average when requests are independent. */
  readonly deviations: readonly number[];
}

interface Stretch {
  readonly all: number;
  readonly bad: number;
}

const STRETCH_MS = 15_000;
/** The newest so many of each version are kept. */
const MOST = 30;
/** One bad request in two stretches says nothing about scatter. */
const LEAST_BAD = 2;
const EMPTY: Arm = { open: { ms: 0, all: 0, bad: 0 }, last: null, stretches: 0, deviations: [] };

/** Blue's scatter is known after so many deviations; what was known before the soak weighs as much as so few. */
const KNOWN = 8;
const PRIOR = 3;
/** What the cut takes away from squared deviations of normal size (a chi-square of one degree keeps 83 %). */
const UNCUT = 1.2;
const LEAST_HISTORY = 5;
/** A few deviations prove little: a history starts from independent requests, with so much weight. */
const INDEPENDENT = 4;
/**
 * Without history: more scattered than most services are, so that more evidence is asked for. Most of all of the comparison, where
 * few bad requests of blue are all that green's are compared with.
 */
const UNKNOWN = { comparison: 6, limit: 2 } as const;

export function newVersionBins(history: readonly Stretch[]): VersionBins {
  const deviations = history.slice(1).flatMap((later, index) => deviation(history[index], later));
  // In a history with hardly a bad request none came in clusters.
  const before = (deviations.length * cutMean(deviations) + INDEPENDENT) / (deviations.length + INDEPENDENT);
  return { history: history.length < LEAST_HISTORY ? null : rounded(before), blue: EMPTY, green: EMPTY };
}

export function addBins(noise: VersionBins, pair: Pair, ms: number): VersionBins {
  return {
    ...noise,
    blue: addStretch(noise.blue, { all: pair.blueAll, bad: pair.blueBad }, ms),
    green: addStretch(noise.green, { all: pair.greenAll, bad: pair.greenBad }, ms),
  };
}

function addStretch(arm: Arm, more: Stretch, ms: number): Arm {
  const open = { ms: arm.open.ms + ms, all: arm.open.all + more.all, bad: arm.open.bad + more.bad };
  if (open.ms < STRETCH_MS) return { ...arm, open };
  const { all, bad } = open;
  return {
    open: EMPTY.open,
    last: { all, bad },
    stretches: arm.stretches + 1,
    deviations: [...arm.deviations, ...deviation(arm.last, { all, bad })].slice(-MOST),
  };
}

/**
 * Given the bad requests of two stretches together, those of the first are binomial if nothing but chance divides them:
 * the squared deviation beside its variance is 1 on average, however rare bad requests are.
 */
function deviation(a: Stretch | null | undefined, b: Stretch): number[] {
  if (!a || a.all <= 0 || b.all <= 0) return [];
  const bad = a.bad + b.bad;
  const all = a.all + b.all;
  if (bad < LEAST_BAD || bad >= all) return [];
  const part = a.all / all;
  // Drawn without replacement: where most requests are bad, less is left to chance.
  const variance = bad * part * (1 - part) * (1 - bad / all);
  return [rounded((a.bad - bad * part) ** 2 / variance)];
}

/**
 * What the soak itself shows counts most: history is at another time, at twice the traffic, and its scatter is partly that
 * of a rate that moves, which both versions share. Green's own scatter counts as long as blue's is not known: a fault that
 * comes in bursts would hide behind the scatter it makes.
 */
export function dispersion({ history, blue, green }: VersionBins, unknown: number = UNKNOWN.comparison): number {
  const known = Math.min(1, blue.deviations.length / KNOWN);
  const pooled = cutMean([...blue.deviations, ...green.deviations]);
  const soak = known * cutMean(blue.deviations) + (1 - known) * pooled;
  const seen = blue.deviations.length + (1 - known) * green.deviations.length;
  return Math.max(1, (PRIOR * (history ?? unknown) + seen * soak) / (PRIOR + seen));
}

export function isDispersionKnown({ history, blue }: VersionBins): boolean {
  return history !== null || blue.deviations.length >= KNOWN;
}

/**
 * For evidence against the limit: without history, every stretch of the soak in which blue could have shown scatter makes
 * it less likely. For the comparison blue's quiet is half of what is compared, and does not count twice.
 */
export function dispersionBesideLimit(noise: VersionBins): number {
  return dispersion(noise, UNKNOWN.limit - (UNKNOWN.limit - 1) * Math.min(1, noise.blue.stretches / LEAST_HISTORY));
}

/** The mean with the largest tenth cut down to the next: an incident that came and went makes two of them. */
function cutMean(values: readonly number[]): number {
  if (values.length < 2) return 1;
  const sorted = values.toSorted((a, b) => a - b);
  const most = sorted[Math.floor((sorted.length - 1) * 0.9)] ?? 1;
  return (UNCUT * sorted.reduce((sum, value) => sum + Math.min(value, most), 0)) / sorted.length;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
