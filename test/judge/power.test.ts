import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import {
  batchesIn,
  detectionProbability,
  hasPower,
  minimumDetectableRate,
  type PlannedSoak,
  type PowerRules,
  requestsIn,
  requestsToProve,
  soakNeeded,
  timeToFind,
  trafficNeeded,
} from '../../src/judge/power.ts';
import { thresholdJudge } from '../../src/judge/threshold.ts';
import { seeded } from '../support/random.ts';
import { rules as watchRules } from './support.ts';

const rules: PowerRules = { limits: { errorRate: 0.05 }, batchMs: 20_000, minRequests: 50, breachesInARow: 3 };
const soak: PlannedSoak = { requestsPerSecond: 10, soakMs: 600_000, pollMs: 5_000 };

test('a limit of 5 % is proven by 59 requests without a bad one, a limit of 1 % by 299', () => {
  expect(requestsToProve({ errorRate: 0.05 })).toBe(59);
  expect(requestsToProve({ errorRate: 0.01 })).toBe(299);
  expect(requestsToProve({ errorRate: 0.05, latency: { quantile: 0.99, underMs: 500 } })).toBe(299);
});

test('where one batch over the limit is enough, the chance is the binomial tail', () => {
  const once = (minRequests: number) => ({ ...rules, minRequests, breachesInARow: 1 });
  const short = { requestsPerSecond: 3, soakMs: 35_000, pollMs: 5_000 };
  expect(batchesIn(once(60), short)).toBe(1);
  // Over 5 % of 60 are at least 4 of them. With 10 % failing, 0 to 3 of 60 fail with a chance of 0.1373986 in all.
  expect(detectionProbability(0.1, once(60), short)).toBeCloseTo(1 - 0.1373986, 6);
  // 79 are counted as the less favourable 80, of which it takes 5; 0 to 4 of 80 fail with a chance of 0.0879712.
  expect(detectionProbability(0.1, once(79), short)).toBeCloseTo(1 - 0.0879712, 6);
});

test('a row of batches is found as often as its positions allow', () => {
  // Every batch is over the limit when everything fails: found with the third, and not before.
  const length = (batches: number) => ({ ...soak, soakMs: batches * 20_000 + 5_000 });
  expect(detectionProbability(1, rules, length(2))).toBe(0);
  expect(detectionProbability(1, rules, length(3))).toBe(1);
  expect(timeToFind(1, rules, soak)).toBe(65_000);
  expect(minimumDetectableRate(rules, length(2))).toBeUndefined();
});

test('a release within its limit is not to be found', () => {
  expect(detectionProbability(0.05, rules, soak)).toBe(0);
  expect(timeToFind(0.05, rules, soak)).toBeUndefined();
  expect(soakNeeded(0.05, rules, soak)).toBeUndefined();
  expect(trafficNeeded(0.05, rules, soak)).toBeUndefined();
});

const someRules: fc.Arbitrary<PowerRules> = fc.record({
  limits: fc.record({ errorRate: fc.constantFrom(0.01, 0.03, 0.05, 0.2) }),
  batchMs: fc.integer({ min: 1_000, max: 60_000 }),
  minRequests: fc.integer({ min: 1, max: 200 }),
  breachesInARow: fc.integer({ min: 1, max: 5 }),
});
const someSoak: fc.Arbitrary<PlannedSoak> = fc.record({
  requestsPerSecond: fc.double({ min: 0.01, max: 500, noNaN: true }),
  soakMs: fc.integer({ min: 1_000, max: 3_600_000 }),
  pollMs: fc.integer({ min: 200, max: 30_000 }),
});
const moreTimes = fc.double({ min: 1, max: 20, noNaN: true });
/** A hundredth of a percentage point: how far rounding to whole requests may turn the tide. */
const GRAIN = 1e-4;

test('more traffic and a longer soak never see less', () => {
  let compared = 0;
  fc.assert(
    fc.property(someRules, someSoak, moreTimes, moreTimes, (by, less, traffic, time) => {
      const before = minimumDetectableRate(by, less);
      const busier = { ...less, requestsPerSecond: less.requestsPerSecond * traffic };
      const longer = { ...less, soakMs: less.soakMs * time };
      for (const more of [busier, longer]) {
        expect(requestsIn(more)).toBeGreaterThanOrEqual(requestsIn(less));
        expect(batchesIn(by, more)).toBeGreaterThanOrEqual(batchesIn(by, less));
        if (before === undefined) continue;
        compared += 1;
        expect(minimumDetectableRate(by, more)).toBeLessThanOrEqual(before + GRAIN);
      }
    }),
    { numRuns: 100 },
  );
  expect(compared).toBeGreaterThan(0);
});

test('a larger share is never harder to find, and the smallest one that is found is where it turns', () => {
  fc.assert(
    fc.property(
      someRules,
      someSoak,
      fc.double({ min: 0, max: 1, noNaN: true }),
      moreTimes,
      (by, planned, share, times) => {
        const larger = Math.min(1, share * times);
        expect(detectionProbability(larger, by, planned)).toBeGreaterThanOrEqual(
          detectionProbability(share, by, planned) - 1e-9,
        );
        const smallest = minimumDetectableRate(by, planned);
        if (smallest === undefined) return expect(detectionProbability(1, by, planned)).toBeLessThan(0.95);
        expect(detectionProbability(smallest, by, planned)).toBeGreaterThanOrEqual(0.95);
        const smaller = smallest - GRAIN;
        if (smaller > by.limits.errorRate) expect(detectionProbability(smaller, by, planned)).toBeLessThan(0.95);
      },
    ),
    { numRuns: 100 },
  );
});

test('the soak and the traffic that would be needed are enough, and little less is not', () => {
  const needed = { soaks: 0, traffics: 0 };
  fc.assert(
    fc.property(someRules, someSoak, fc.double({ min: 1.2, max: 4, noNaN: true }), (by, planned, times) => {
      const detect = by.limits.errorRate * times;
      const soakMs = soakNeeded(detect, by, planned);
      if (soakMs !== undefined) {
        needed.soaks += 1;
        expect(hasPower(detect, by, { ...planned, soakMs: soakMs + 1 })).toBe(true);
        expect(hasPower(detect, by, { ...planned, soakMs: soakMs * 0.99 - 1 })).toBe(false);
      }
      const requestsPerSecond = trafficNeeded(detect, by, planned);
      if (requestsPerSecond === undefined) return expect(hasPower(detect, by, planned)).toBe(false);
      needed.traffics += 1;
      expect(hasPower(detect, by, { ...planned, requestsPerSecond })).toBe(true);
      expect(hasPower(detect, by, { ...planned, requestsPerSecond: requestsPerSecond * 0.5 })).toBe(false);
    }),
    { numRuns: 100 },
  );
  expect(Math.min(needed.soaks, needed.traffics)).toBeGreaterThan(0);
});

/** How often the real judge finds such a release, when `requestsOf` draws what green gets in so many seconds. */
function simulate(
  share: number,
  planned: PlannedSoak,
  random: () => number,
  requestsOf: (seconds: number) => number,
  by = rules,
): number {
  const judge = thresholdJudge({ ...watchRules, ...by });
  const runs = 500;
  let found = 0;
  for (let run = 0; run < runs; run += 1) {
    let state = judge.start(0);
    for (let from = 0; from < planned.soakMs && state.breach === null; ) {
      const to = Math.min(planned.soakMs, from + planned.pollMs + 10); // a reading takes its time
      const requests = requestsOf((to - from) / 1_000);
      let failed = 0;
      for (let i = 0; i < requests; i += 1) if (random() < share) failed += 1;
      const blue = { requests: 0, failed: 0, slow: 0 };
      state = judge.observe(state, { from, to, green: { requests, failed, slow: 0 }, blue });
      from = to;
    }
    if (state.breach !== null) found += 1;
  }
  return found / runs;
}

test.each([
  [0.06, 600_000],
  [0.07, 600_000],
  [0.08, 180_000],
  [0.1, 180_000],
  [0.15, 85_000],
])('agrees with the real judge in steady traffic: %p of the requests fail for %p ms', (share, soakMs) => {
  // 3 requests a second are batches of exactly 60: the number from which on one more failure is needed.
  const planned = { requestsPerSecond: 3, soakMs, pollMs: 5_000 };
  const random = seeded(7);
  const real = simulate(share, planned, random, () => 15);
  expect(Math.abs(real - detectionProbability(share, rules, planned))).toBeLessThan(0.06);
});

test.each([0.3, 1, 2, 2.5, 7])(
  'promises no more than the real judge finds in random traffic of %p a second',
  (requestsPerSecond) => {
    const random = seeded(11);
    const poisson = (seconds: number) => {
      let count = 0;
      for (let at = -Math.log(1 - random()); at < requestsPerSecond * seconds; at -= Math.log(1 - random())) count += 1;
      return count;
    };
    const planned = { ...soak, requestsPerSecond };
    for (const share of [0.06, 0.08, 0.1, 0.15]) {
      const real = simulate(share, planned, random, poisson);
      expect(detectionProbability(share, rules, planned)).toBeLessThan(real + 0.04);
    }
    // Nor so much less that a soak would be called blind which is not.
    const smallest = minimumDetectableRate(rules, planned) ?? 1;
    if (smallest === 1) return;
    expect(simulate(smallest, planned, random, poisson)).toBeGreaterThan(0.92);
    const nearTheLimit = rules.limits.errorRate + (smallest - rules.limits.errorRate) / 4;
    expect(simulate(nearTheLimit, planned, random, poisson)).toBeLessThan(0.95);
  },
);
