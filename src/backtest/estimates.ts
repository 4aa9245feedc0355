/** How often something happened in a sample, and what that says about how often it happens. Fractions from 0 to 1. */
export interface Rate {
  readonly hits: number;
  readonly trials: number;
  readonly rate: number;
  /** The 95 % interval. */
  readonly low: number;
  readonly high: number;
}

/** Of one soak of the past, which was rehearsed several times. */
export interface Tally {
  readonly hits: number;
  readonly trials: number;
}

const Z_95 = 1.959964;

/** Wilson's 95 % interval (1927) of `hits` among `trials`; `trials` need not be a whole number. */
export function wilson(hits: number, trials: number): { readonly low: number; readonly high: number } {
  if (trials <= 0) return { low: 0, high: 1 };
  const share = hits / trials;
  const extra = (Z_95 * Z_95) / trials;
  const middle = (share + extra / 2) / (1 + extra);
  const half = (Math.sqrt(extra) * Math.sqrt(share * (1 - share) + extra / 4)) / (1 + extra);
  return { low: hits === 0 ? 0 : Math.max(0, middle - half), high: hits === trials ? 1 : Math.min(1, middle + half) };
}

/**
 * The rate over many soaks, each rehearsed many times. Rehearsals of one soak are much alike: a thousand of them tell
 * little about another one. So the interval is that of as many independent trials as would scatter as much (the effective
 * sample size of cluster sampling), never fewer than there are soaks less one.
 */
export function rateOver(tallies: readonly Tally[]): Rate {
  const used = tallies.filter(({ trials }) => trials > 0);
  const hits = used.reduce((sum, tally) => sum + tally.hits, 0);
  const trials = used.reduce((sum, tally) => sum + tally.trials, 0);
  if (trials === 0) return { hits, trials, rate: 0, low: 0, high: 1 };
  const rate = hits / trials;
  const soaks = used.length;
  const scatter = used.reduce((sum, tally) => sum + (tally.hits - rate * tally.trials) ** 2, 0);
  const variance = soaks > 1 ? (scatter / trials ** 2) * (soaks / (soaks - 1)) : 0;
  const alike = variance > 0 ? (rate * (1 - rate)) / variance : soaks;
  const effective = Math.min(trials, Math.max(soaks - 1, alike, 1));
  return { hits, trials, rate, ...wilson(rate * effective, effective) };
}

/** 5, 50 and 95 of 100 are at most this; and the largest. */
export interface Percentiles {
  readonly p5: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

export function percentilesOf(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0;
  return { p5: at(0.05), p50: at(0.5), p95: at(0.95), max: at(1) };
}
