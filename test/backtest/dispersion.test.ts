import assert from 'node:assert/strict';
import { expect, test } from '@jest/globals';
import { dispersionOf } from '../../src/backtest/dispersion.ts';
import { binomial } from '../../src/backtest/random.ts';
import { metricsOf } from '../../src/judge/metric.ts';
import { clusters, independent, pastOf } from './support.ts';

const [errors] = metricsOf({ errorRate: 0.05 });
assert(errors);
const factorOf = (...of: Parameters<typeof pastOf>) => dispersionOf(pastOf(...of), errors).factor ?? Number.NaN;

test.each([0.001, 0.01, 0.2])('requests that fail by themselves, %s of them, have no dispersion', (share) => {
  expect(factorOf(20_000, { failed: independent(share) })).toBeCloseTo(1, 1);
});

test.each([2, 5, 20])('clusters of %s give that factor', (size) => {
  const factor = factorOf(20_000, { failed: clusters(size, 0.02) });
  expect(factor / size).toBeGreaterThan(0.93);
  expect(factor / size).toBeLessThan(1.07);
});

test('neither a trend nor an incident that lasts is dispersion', () => {
  const rising = (random: () => number, index: number) => binomial(200, 0.01 + 0.1 * (index / 4_000), random);
  expect(factorOf(4_000, { failed: rising })).toBeCloseTo(1, 1);
  const incident = (random: () => number, index: number) =>
    binomial(200, index > 900 && index < 1_000 ? 0.1 : 0.01, random);
  const { factor, withoutWorst } = dispersionOf(pastOf(4_000, { failed: incident }), errors);
  expect(factor).toBeLessThan(1.2);
  expect(withoutWorst).toBeLessThan(1.05);
});

test('nothing bad, and nothing next to each other, has no factor', () => {
  expect(dispersionOf(pastOf(100, { failed: () => 0 }), errors)).toEqual({ pairs: 0 });
  const apart = pastOf(100, { failed: () => 1 }).filter((_, index) => index % 2 === 0);
  expect(dispersionOf(apart, errors)).toEqual({ pairs: 0 });
});
