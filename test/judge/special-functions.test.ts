import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import {
  chanceOfAtLeast,
  chanceOfAtMost,
  logAdd,
  logGamma,
  regularizedBeta,
} from '../../src/judge/special-functions.ts';

/** The same by adding up. */
function binomialTail(bad: number, n: number, p: number): number {
  let sum = 0;
  for (let k = bad; k <= n; k += 1)
    sum += Math.exp(
      logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1) + k * Math.log(p) + (n - k) * Math.log1p(-p),
    );
  return sum;
}

test('logGamma is that of factorials', () => {
  let factorial = 1;
  for (let n = 1; n <= 20; n += 1) {
    expect(logGamma(n + 1)).toBeCloseTo(Math.log((factorial *= n)), 10);
  }
  expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.sqrt(Math.PI)), 12);
});

test('the chances of a binomial are those that adding up gives, and add up to 1', () => {
  const cases = fc.tuple(
    fc.integer({ min: 1, max: 400 }),
    fc.nat(400),
    fc.double({ min: 0.001, max: 0.999, noNaN: true }),
  );
  fc.assert(
    fc.property(cases, ([n, some, p]) => {
      const bad = some % (n + 1);
      expect(chanceOfAtLeast(bad, n, p)).toBeCloseTo(bad === 0 ? 1 : binomialTail(bad, n, p), 8);
      if (bad < n) expect(chanceOfAtMost(bad, n, p)).toBeCloseTo(1 - chanceOfAtLeast(bad + 1, n, p), 8);
    }),
    { seed: 5, numRuns: 300 },
  );
});

test('known values: 59 requests without a bad one prove a share under 5 %, 58 do not; 299 for 1 %', () => {
  expect(chanceOfAtMost(0, 59, 0.05)).toBeLessThan(0.05);
  expect(chanceOfAtMost(0, 58, 0.05)).toBeGreaterThan(0.05);
  expect(chanceOfAtMost(0, 299, 0.01)).toBeLessThan(0.05);
  expect(regularizedBeta(0.5, 2, 3)).toBeCloseTo(0.6875, 12);
});

test('a million requests are no problem, nor are fractions of requests', () => {
  expect(chanceOfAtMost(49_000, 1_000_000, 0.05)).toBeLessThan(1e-4);
  expect(chanceOfAtLeast(50_000, 1_000_000, 0.05)).toBeCloseTo(0.5, 2);
  expect(chanceOfAtLeast(2.5, 20.5, 0.05)).toBeGreaterThan(chanceOfAtLeast(3, 20.5, 0.05));
});

test('logAdd adds what is far apart, and nothing to nothing', () => {
  expect(logAdd(0, -1e6)).toBe(0);
  expect(logAdd(-1e6, -1e6)).toBeCloseTo(-1e6 + Math.log(2), 6);
  expect(logAdd(Math.log(2), Math.log(3))).toBeCloseTo(Math.log(5), 12);
});
