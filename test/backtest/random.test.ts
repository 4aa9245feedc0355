import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { binomial, hypergeometric, type Random, seededRandom } from '../../src/backtest/random.ts';
import { splitCounts, withFailures } from '../../src/backtest/split.ts';

const DRAWS = 20_000;

function momentsOf(draw: (random: Random) => number) {
  const random = seededRandom(11);
  const values = Array.from({ length: DRAWS }, () => draw(random));
  const mean = values.reduce((sum, value) => sum + value, 0) / DRAWS;
  return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / DRAWS };
}

test('the same seed gives the same numbers, another one others, all from 0 to 1', () => {
  const [a, b, c] = [seededRandom(5), seededRandom(5), seededRandom(6)];
  const first = Array.from({ length: 100 }, a);
  expect(Array.from({ length: 100 }, b)).toEqual(first);
  expect(Array.from({ length: 100 }, c)).not.toEqual(first);
  expect(first.every((value) => value >= 0 && value < 1)).toBe(true);
  expect(momentsOf((random) => random()).mean).toBeCloseTo(0.5, 1);
});

test.each([
  [1, 0.5],
  [40, 0.03],
  [400, 0.5],
  [100_000, 0.9],
])('binomial draws of %s at %s have their mean and variance', (n, p) => {
  const { mean, variance } = momentsOf((random) => binomial(n, p, random));
  const sd = Math.sqrt(n * p * (1 - p));
  expect(Math.abs(mean - n * p)).toBeLessThan((4 * sd) / Math.sqrt(DRAWS));
  expect(variance / sd ** 2).toBeCloseTo(1, 1);
});

test.each([
  [10, 3, 5],
  [500, 20, 250],
  [20_000, 3_000, 1_000],
  [60, 50, 40],
])('hypergeometric draws from %s with %s marked, %s drawn, have their mean and variance', (n, marked, drawn) => {
  const { mean, variance } = momentsOf((random) => hypergeometric(n, marked, drawn, random));
  const share = marked / n;
  const expected = (drawn * share * (1 - share) * (n - drawn)) / (n - 1);
  expect(Math.abs(mean - drawn * share)).toBeLessThan(4 * Math.sqrt(expected / DRAWS));
  expect(variance / expected).toBeCloseTo(1, 1);
});

const someCounts = fc
  .record({
    requests: fc.nat(3_000),
    failed: fc.double({ min: 0, max: 1, noNaN: true }),
    slow: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ requests, failed, slow }) => ({
    requests,
    failed: Math.round(failed * requests),
    slow: Math.round(slow * requests),
  }));

test('both parts of a split add up to the whole, in whole numbers, with no more bad requests than requests', () => {
  fc.assert(
    fc.property(someCounts, fc.double({ min: 0.01, max: 1, noNaN: true }), fc.nat(), (all, share, seed) => {
      const { green, blue } = splitCounts(all, share, seededRandom(seed));
      for (const name of ['requests', 'failed', 'slow'] as const) expect(green[name] + blue[name]).toBe(all[name]);
      for (const part of [green, blue])
        for (const bad of [part.failed, part.slow]) {
          expect(Number.isInteger(bad)).toBe(true);
          expect(bad).toBeGreaterThanOrEqual(0);
          expect(bad).toBeLessThanOrEqual(part.requests);
        }
      if (share === 1) expect(green).toEqual(all);
    }),
  );
});

test('a split treats both parts alike: the share of bad ones is the same in both, over many', () => {
  const random = seededRandom(3);
  const sums = { green: 0, blue: 0 };
  for (let draw = 0; draw < DRAWS; draw += 1) {
    const { green, blue } = splitCounts({ requests: 100, failed: 7, slow: 0 }, 0.2, random);
    sums.green += green.failed;
    sums.blue += blue.failed;
  }
  expect(sums.green / (7 * DRAWS)).toBeCloseTo(0.2, 2);
  expect(sums.blue / (7 * DRAWS)).toBeCloseTo(0.8, 2);
});

test('a worse release fails more of what went well, and only on green', () => {
  fc.assert(
    fc.property(someCounts, fc.constantFrom(0, 0.1, 1), fc.nat(), (green, added, seed) => {
      const both = { green, blue: { requests: 9, failed: 1, slow: 2 } };
      const worse = withFailures(both, added, seededRandom(seed));
      expect(worse.blue).toEqual(both.blue);
      expect(worse.green.failed).toBeGreaterThanOrEqual(green.failed);
      if (added === 0) expect(worse.green).toEqual(green);
      if (added === 1) expect(worse.green.failed).toBe(green.requests);
    }),
  );
});
