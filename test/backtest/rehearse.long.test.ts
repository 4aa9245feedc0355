import { expect, test } from '@jest/globals';
import { binomial, seededRandom } from '../../src/backtest/random.ts';
import { runBacktest } from '../../src/backtest/rehearse.ts';
import { createJudge } from '../../src/judge/judge.ts';
import { clusters, independent, pastOf, STEP_MS, step } from './support.ts';

const past = (share: number, count = 3_600) => ({
  intervals: pastOf(count, { failed: independent(share) }),
  notices: [],
});
const run = (of: ReturnType<typeof past>, rounds = 10, seed = 1) => runBacktest(of, { step, rounds, seed });

/** How often a green that fails this share by itself is breached in one soak, without any past or split. */
function simulated(share: number, soaks: number): number {
  const random = seededRandom(99);
  const judge = createJudge(step.rules);
  let breached = 0;
  for (let soak = 0; soak < soaks; soak += 1) {
    let state = judge.start(0);
    for (let at = 0; at < step.soakMs; at += STEP_MS) {
      const requests = binomial(200, 0.5, random);
      const green = { requests, failed: binomial(requests, share, random), slow: 0 };
      const blue = { requests: 200 - requests, failed: 0, slow: 0 };
      state = judge.observe(state, { from: at, to: at + STEP_MS, green, blue });
      if (judge.judge(state, at + STEP_MS).verdict !== 'breached') continue;
      breached += 1;
      break;
    }
  }
  return breached / soaks;
}

test('a past well within its limits rolls nothing back, and says so with a bound', () => {
  const { healthy, past: seen } = run(past(0.005));
  expect(healthy.releases).toBe(2_000);
  expect(healthy.breached).toMatchObject({ hits: 0, rate: 0, low: 0 });
  expect(healthy.breached.high).toBeLessThan(0.03);
  expect(healthy.extended.hits).toBe(0);
  expect(seen.metrics[0]?.overLimit).toEqual({ intervals: 0, soaks: 0, longestMs: 0 });
  expect(seen).toMatchObject({ intervals: 3_600, intervalMs: STEP_MS, soaks: 200, gaps: 0 });
});

test.each([0.04, 0.05])('at a share of %s as many are rolled back as in a direct simulation', (share) => {
  // Without an extension, in which more would be.
  const once = { ...step, maxSoakMs: step.soakMs };
  const { healthy } = runBacktest(past(share, 10_800), { step: once, rounds: 4, seed: 1 });
  const direct = simulated(share, 3_000);
  expect(direct).toBeGreaterThan(0.03);
  expect(Math.abs(healthy.breached.rate - direct)).toBeLessThan(0.04);
});

test('a bad release is found the surer and the sooner, the worse it is', () => {
  const { regressions } = run(past(0.005));
  const found = regressions.map(({ foundInSoak }) => foundInSoak.rate);
  expect(found).toEqual(found.toSorted((a, b) => a - b));
  expect(found[0]).toBeLessThan(0.05);
  expect(found.at(-1)).toBe(1);
  expect(regressions.at(-1)).toMatchObject({ added: 0.2, medianMs: 30_000, mostMs: 30_000, passed: { hits: 0 } });
  for (const { curve, medianMs = Number.POSITIVE_INFINITY } of regressions) {
    expect(curve.every(({ found: now }, index) => now >= (curve[index - 1]?.found ?? 0))).toBe(true);
    for (const { ms, found: now } of curve) if (ms >= medianMs) expect(now).toBeGreaterThanOrEqual(0.5);
  }
});

test('an incident of the past rolls back the releases of its time, and is told from mistakes', () => {
  const intervals = pastOf(3_600, {
    failed: (random, index) => binomial(200, index >= 1_800 && index < 1_812 ? 0.3 : 0.005, random),
  });
  const { healthy, past: seen } = runBacktest({ intervals, notices: [] }, { step, rounds: 10, seed: 1 });
  const bad = healthy.soaks.filter(({ breached }) => breached > 0);
  expect(bad.map(({ at, breached, pastRolledBack }) => [at, breached, pastRolledBack])).toEqual([
    [18_000_000, 10, true],
  ]);
  expect(bad[0]?.reason).toMatch(/^green failed \d+ of \d+ requests/);
  expect(healthy.rolledBack.hits).toBe(10);
  expect(healthy.rolledBackLikePast).toBe(10);
  expect(seen.metrics[0]?.overLimit.longestMs).toBe(120_000);
});

test('too little traffic is not proven healthy: extended, then rolled back for want of proof', () => {
  const few = { intervals: pastOf(360, { requests: 1, failed: () => 0 }), notices: [] };
  const { healthy } = run(few, 3);
  expect(healthy.breached.hits).toBe(0);
  expect(healthy.extended.rate).toBe(1);
  expect(healthy.unproven).toMatchObject({ rate: 1 });
  // The last two soaks have no whole extension: nobody knows.
  expect(healthy.unproven.trials).toBe(3 * 18);
  expect(healthy.doubts[0]?.example).toMatch(/too few requests yet/);
});

test('clusters are seen, and cost', () => {
  const of = (failed: ReturnType<typeof independent>) => run({ intervals: pastOf(9_000, { failed }), notices: [] }, 3);
  const [alone, together] = [of(independent(0.03)), of(clusters(10, 0.03))];
  expect(alone.past.metrics[0]?.dispersion.factor).toBeCloseTo(1, 1);
  expect(together.past.metrics[0]?.dispersion.factor).toBeGreaterThan(9);
  expect(together.healthy.breached.rate).toBeGreaterThan(alone.healthy.breached.rate);
});

test('the same seed rehearses the same, whatever was done before', () => {
  const of = past(0.04, 720);
  const first = run(of, 5, 7);
  expect(run(of, 5, 7)).toEqual(first);
  expect(run(of, 5, 8).healthy.breached.hits).not.toBe(first.healthy.breached.hits);
  expect(JSON.parse(JSON.stringify(first))).toEqual(first);
});

test('all traffic on green is split only once: halves of one whole are all alike', () => {
  const { healthy } = runBacktest(past(0.005, 360), { step: { ...step, share: 1 }, rounds: 50, seed: 1 });
  expect(healthy).toMatchObject({ rounds: 1, releases: 20 });
});

test('a past that is too short, or without any request, says what to do', () => {
  expect(() => run(past(0, 17))).toThrow(
    'The past is too short: its longest stretch without a gap is 2.8 minutes, and one soak takes 3 minutes.',
  );
  expect(() => run({ intervals: pastOf(40, { requests: 0, failed: () => 0 }), notices: [] })).toThrow(
    /holds no request/,
  );
});
