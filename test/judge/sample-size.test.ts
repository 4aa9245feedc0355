import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { metricsOf } from '../../src/judge/metric.ts';
import { requestsForProof, unproven } from '../../src/judge/sample-size.ts';
import { chanceOfAtMost } from '../../src/judge/special-functions.ts';
import { facts, fine, repeat, type Step, watchSoak } from './sequential-support.ts';

const [errors] = metricsOf({ errorRate: 0.05 });
if (!errors) throw new Error('errors are always judged');

const pairOf = (greenAll: number, greenBad: number) => ({ greenAll, greenBad, blueAll: 100, blueBad: 0, ms: 20_000 });

test('without a failure it is what docs/judge.md says: 59 requests for 5 %, 299 for 1 %, or as many as the runbook wants', () => {
  expect([0.05, 0.01, 0.001].map((limit) => requestsForProof(pairOf(0, 0), limit, 1))).toEqual([59, 299, 2995]);
  expect(requestsForProof(pairOf(10, 0), 0.05, 200)).toBe(200);
});

test('so many requests are enough and one fewer is not, whatever share of them is bad', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5_000 }), fc.double({ min: 0, max: 0.8, noNaN: true }), (all, part) => {
      const bad = Math.floor(all * 0.05 * part);
      const needed = requestsForProof(pairOf(all, bad), 0.05, 1) ?? NaN;
      const chance = (requests: number) => chanceOfAtMost((bad / all) * requests, requests, 0.05);
      expect(chance(needed)).toBeLessThan(0.05 + 1e-9);
      if (needed > 1) expect(chance(needed - 1)).toBeGreaterThanOrEqual(0.05);
    }),
  );
});

test('no number is enough at the limit or over it, and then none is promised', () => {
  expect(requestsForProof(pairOf(100, 5), 0.05, 50)).toBeUndefined();
  expect(unproven(errors, pairOf(100, 5), { minRequests: 50, longestMs: null }).reason).toMatch(
    /^green failed 5 of 100 requests .*no number of requests proves that green is within the limit$/,
  );
});

test('the words say how many of how many, and how long that takes at this rate', () => {
  expect(unproven(errors, pairOf(40, 0), { minRequests: 50, longestMs: null })).toEqual({
    reason:
      'healthy so far: 40 of about 59 requests needed for proof (about 10 s more at this rate); ' +
      'green failed 0 of 40 requests (0 %) in 20 s; the limit is 5 %; blue 0 of 100 requests (0 %)',
    missingMs: 9_500,
  });
});

test('after a minute it says that the longest soak will not do, by how much, and what would help', () => {
  const soak = { greenAll: 6, greenBad: 0, blueAll: 6, blueBad: 0, ms: 120_000 };
  const { reason } = unproven(errors, soak, { minRequests: 50, longestMs: 600_000 });
  expect(reason).toMatch(
    /6 of about 59 requests .* \(about 1060 s more .*; too little traffic: the longest soak is 600 s, and ends without proof unless green gets 2 times as many requests; a longer soak/,
  );
  for (const enough of [1_200_000, null])
    expect(unproven(errors, soak, { minRequests: 50, longestMs: enough }).reason).not.toMatch(/too little/);
  const early = unproven(errors, { ...soak, ms: 30_000, greenAll: 1 }, { minRequests: 50, longestMs: 60_000 });
  expect(early.reason).not.toMatch(/too little/);
});

test('at little traffic a soak says so long before its end', () => {
  const { all } = watchSoak(repeat(8, { g: [1, 0], b: [1, 0] }), { facts: { ...facts, longestSoakMs: 800_000 } });
  expect(all.get(45)?.reason).not.toMatch(/too little/);
  expect(all.get(75)?.reason).toMatch(/too little traffic: the longest soak is 800 s/);
});

test('at one request in 20 s it goes on saying so, also in a pause that chance explains', () => {
  const one: Step = { g: [1, 0], b: [1, 0] };
  const none: Step = { g: [0, 0], b: [0, 0] };
  const steps = Array.from({ length: 10 }, () => [one, none, none, none, none, none, none]).flat();
  const { all } = watchSoak(steps, { seconds: 5, facts: { ...facts, longestSoakMs: 800_000 } });
  for (const [t, { code, reason }] of all)
    if (t > 110)
      expect([t, code, reason]).toEqual([t, 'insufficient-data', expect.stringMatching(/too little traffic/)]);
});

test('healthy so far is said only where nothing looks wrong', () => {
  const early = watchSoak(repeat(4, fine)).now;
  expect(early).toMatchObject({ verdict: 'inconclusive', code: 'insufficient-data' });
  expect(early.reason).toMatch(/^healthy so far: green failed 0 of 600 requests .*60 s of 600 s were observed/);
  const bad = watchSoak([...repeat(3, fine), { g: [150, 12], b: [150, 0] }]).now;
  expect(bad).toMatchObject({ verdict: 'inconclusive', code: 'suspected' });
  expect(bad.reason).not.toContain('healthy so far');
});
