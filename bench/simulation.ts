import type { Counts } from '../src/judge/index.ts';
import { clustered, poisson } from '../test/support/random.ts';

/** Simulated traffic, the same in every run. */

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
  return { requests, failed: clustered(requests, failing, clusters, random), slow: 0 };
}

export function sumOf(...all: readonly Counts[]): Counts {
  const add = (pick: (counts: Counts) => number) => all.reduce((sum, counts) => sum + pick(counts), 0);
  return {
    requests: add(({ requests }) => requests),
    failed: add(({ failed }) => failed),
    slow: add(({ slow }) => slow),
  };
}
