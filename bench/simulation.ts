import type { Counts } from '../src/judge/index.ts';

/** Simulated traffic, the same in every run. */

/** Pseudo-random numbers from a seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** How many things happen where so many are expected. */
export function poisson(mean: number, random: () => number): number {
  if (mean > 60) {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
  }
  const end = Math.exp(-mean);
  let count = 0;
  for (let product = random(); product > end; product *= random()) count += 1;
  return count;
}

/** The requests of one version in `seconds`; those that fail come in clusters of so many on average. */
export interface Traffic {
  readonly perSecond: number;
  readonly failing: number;
  readonly clusters?: number;
}

export function requestsIn(
  seconds: number,
  { perSecond, failing, clusters = 1 }: Traffic,
  random: () => number,
): Counts {
  const requests = poisson(perSecond * Math.max(0, seconds), random);
  let failed = 0;
  for (let left = poisson((requests * failing) / clusters, random); left > 0; left -= 1)
    failed += clusters > 1 ? 1 + poisson(clusters - 1, random) : 1;
  return { requests, failed: Math.min(requests, failed), slow: 0 };
}

export function sumOf(...all: readonly Counts[]): Counts {
  const add = (pick: (counts: Counts) => number) => all.reduce((sum, counts) => sum + pick(counts), 0);
  return {
    requests: add(({ requests }) => requests),
    failed: add(({ failed }) => failed),
    slow: add(({ slow }) => slow),
  };
}
