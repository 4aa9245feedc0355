import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { percentilesOf, rateOver, wilson } from '../../src/backtest/estimates.ts';
import { binomial, seededRandom } from '../../src/backtest/random.ts';

test('the interval is Wilson’s: 3 of 1,000 is at most 0.88 %, none of 100 at most 3.7 %', () => {
  expect(wilson(3, 1_000).high).toBeCloseTo(0.00879, 4);
  expect(wilson(3, 1_000).low).toBeCloseTo(0.00102, 4);
  expect(wilson(0, 100)).toEqual({ low: 0, high: expect.closeTo(0.037, 3) });
  expect(wilson(0, 0)).toEqual({ low: 0, high: 1 });
});

test('it always holds the rate itself', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(50), fc.nat(50)), { minLength: 1, maxLength: 30 }), (pairs) => {
      const tallies = pairs.map(([a, b]) => ({ hits: Math.min(a, b), trials: Math.max(a, b) }));
      const { rate, low, high } = rateOver(tallies);
      expect(low).toBeLessThanOrEqual(rate + 1e-9);
      expect(high).toBeGreaterThanOrEqual(rate - 1e-9);
      expect(low).toBeGreaterThanOrEqual(0);
      expect(high).toBeLessThanOrEqual(1);
    }),
  );
});

test('rehearsing one soak a thousand times does not make up for another soak', () => {
  const once = rateOver(Array.from({ length: 20 }, () => ({ hits: 0, trials: 1 })));
  const often = rateOver(Array.from({ length: 20 }, () => ({ hits: 0, trials: 1_000 })));
  expect(often.high).toBeCloseTo(once.high, 6);
  // Ten soaks always, ten never: what is known is known from 20.
  const split = rateOver(Array.from({ length: 20 }, (_, index) => ({ hits: index < 10 ? 1_000 : 0, trials: 1_000 })));
  expect(split.low).toBeLessThan(0.32);
  expect(split.high).toBeGreaterThan(0.68);
});

test('where soaks differ, the interval holds the true rate about as often as it says', () => {
  const random = seededRandom(4);
  let held = 0;
  for (let past = 0; past < 500; past += 1) {
    // Each soak has a rate of its own, from 0 to 0.4: on average 0.2.
    const tallies = Array.from({ length: 40 }, () => ({ hits: binomial(50, 0.4 * random(), random), trials: 50 }));
    const { low, high } = rateOver(tallies);
    if (low <= 0.2 && 0.2 <= high) held += 1;
  }
  expect(held / 500).toBeGreaterThan(0.91);
});

test('percentiles are values that were there', () => {
  expect(percentilesOf([5, 1, 4, 2, 3])).toEqual({ p5: 1, p50: 3, p95: 5, max: 5 });
  expect(percentilesOf([])).toEqual({ p5: 0, p50: 0, p95: 0, max: 0 });
});
