import { binomial, type Random, seededRandom } from '../../src/backtest/random.ts';
import type { RehearsedStep } from '../../src/backtest/release.ts';
import type { HistoryInterval } from '../../src/plugin/history.ts';
import { rules } from '../judge/support.ts';

export const STEP_MS = 10_000;

/** 50 % for three minutes by the threshold rule: three batches of 10 s and 50 requests over 5 %. */
export const step: RehearsedStep = {
  rules: { ...rules, limits: { errorRate: 0.05 } },
  share: 0.5,
  soakMs: 180_000,
  maxSoakMs: 540_000,
  watch: { pollMs: STEP_MS, windowMs: 180_000, gateWindowMs: 180_000, maxUnwatchedMs: 120_000, maxSoakFactor: 3 },
};

/** Intervals of 10 s with so many requests each, of which so many are bad, at random. */
export function pastOf(
  count: number,
  {
    requests = 200,
    failed,
  }: { readonly requests?: number; readonly failed: (random: Random, index: number) => number },
  seed = 1,
): HistoryInterval[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, index) => ({
    from: index * STEP_MS,
    to: (index + 1) * STEP_MS,
    requests,
    failed: Math.min(requests, failed(random, index)),
    slow: 0,
  }));
}

/** Each request fails by itself. */
export function independent(share: number, requests = 200) {
  return (random: Random): number => binomial(requests, share, random);
}

/** Requests fail in clusters of so many, so that as many fail as in `independent`. */
export function clusters(size: number, share: number, requests = 200) {
  return (random: Random): number => size * binomial(Math.round(requests / size), share, random);
}
