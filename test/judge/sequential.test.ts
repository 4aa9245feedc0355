import { expect, test } from '@jest/globals';
import { createJudge } from '../../src/judge/judge.ts';
import { sequentialJudge } from '../../src/judge/sequential.ts';
import { evidenceRules, facts, failing, fine, intervalOf, repeat, type Step, watchSoak } from './sequential-support.ts';
import { counts } from './support.ts';

test('a soak within its limits is healthy when its time is over, and says what was counted', () => {
  const { all, now } = watchSoak(repeat(40, { g: [150, 1], b: [150, 1] }));
  expect(all.get(300)).toEqual({
    verdict: 'inconclusive',
    code: 'insufficient-data',
    reason:
      'healthy so far: green failed 20 of 3,000 requests (0.667 %) in 300 s; the limit is 5 %; ' +
      '300 s of 600 s were observed',
    missingMs: 300_000,
  });
  expect(now).toEqual({
    verdict: 'healthy',
    reason: 'green failed 40 of 6,000 requests (0.667 %) in 600 s; the limit is 5 %',
  });
});

test('a gross fault is rolled back after two readings, by proof against the limit, in words with counts', () => {
  const { now, breachedAt } = watchSoak([...repeat(20, fine), ...repeat(5, failing)]);
  expect(breachedAt).toBe(330);
  expect(now).toEqual({
    verdict: 'breached',
    code: 'limit-exceeded',
    reason:
      'green failed 150 of 300 requests (50 %) in 30 s; the limit is 5 %; blue 0 of 300 requests (0 %); ' +
      'green is over its limit: chance of this by luck under 1 in 1,000,000,000',
  });
});

test('a regression far below the limit is found by the comparison with blue', () => {
  const { now, breachedAt } = watchSoak(repeat(20, { g: [750, 15], b: [750, 1] }));
  expect(breachedAt).toBe(45);
  expect(now).toMatchObject({ code: 'worse-than-blue' });
  expect(now.reason).toMatch(
    /^green failed 45 of 2,250 requests \(2 %\) in 45 s; the limit is 5 %; blue 3 of 2,250 requests \(0.133 %\); green is worse than blue at the same time: chance of this by luck under 1 in [\d,]+$/,
  );
});

test('a difference that does not matter is none: .1 % against .15 % of very many requests', () => {
  expect(watchSoak(repeat(40, { g: [100_000, 150], b: [100_000, 100] })).breachedAt).toBeUndefined();
});

test('without blue, at 100 %, the limit still holds', () => {
  const alone: Step = { g: [300, 60], b: [0, 0] };
  const { now, breachedAt } = watchSoak(repeat(6, alone), { facts: { ...facts, greenShare: 1 } });
  expect(breachedAt).toBeLessThanOrEqual(45);
  expect(now.reason).toMatch(/blue had no traffic/);
});

test('the limit at its word: three batches in a row over it, where luck does not explain them', () => {
  const slightly: Step = { g: [300, 24], b: [300, 21] };
  // Blue is over the limit itself, so nothing is said about green ...
  expect(watchSoak(repeat(30, slightly)).now).toMatchObject({ code: 'blue-unhealthy' });
  // ... and with blue at its limit green's 8 % are a breach, slow as it comes at two requests a second.
  const { now, breachedAt } = watchSoak(repeat(40, { g: [30, 2.4], b: [30, 1.5] }));
  expect(breachedAt).toBeDefined();
  expect(now.code === 'batches-over-limit' || now.code === 'limit-exceeded').toBe(true);
});

test('three batches over the limit by a hair are no breach, but no health either', () => {
  const hair: Step = { g: [150, 8], b: [150, 7] };
  const { now, breachedAt } = watchSoak(repeat(40, hair));
  expect(breachedAt).toBeUndefined();
  expect(now).toMatchObject({ verdict: 'inconclusive', code: 'suspected' });
});

test('errors and latency are judged apart and share the budget', () => {
  const rules = { limits: { errorRate: 0.05, latency: { quantile: 0.95, underMs: 500 } } };
  const judge = sequentialJudge({ ...evidenceRules, ...rules });
  let state = judge.start(0, facts);
  for (let i = 0; i < 6; i += 1)
    state = judge.observe(state, {
      from: i * 15_000,
      to: (i + 1) * 15_000,
      green: counts({ requests: 150, slow: 60 }),
      blue: counts({ requests: 150, slow: 1 }),
    });
  expect(judge.judge(state, 90_000)).toMatchObject({ verdict: 'breached' });
  expect(judge.judge(state, 90_000).reason).toMatch(
    /^green took longer than 500 ms for 120 of 300 requests \(40 %\) in 30 s; the limit is 5 %, since 95 % have to be/,
  );
  // Half of the budget is less than all of it.
  const weak = repeat(20, { g: [50, 4], b: [50, 0] });
  const alone = watchSoak(weak).breachedAt ?? Infinity;
  expect(watchSoak(weak, { rules }).breachedAt ?? Infinity).toBeGreaterThanOrEqual(alone);
});

test('more confidence needs more evidence', () => {
  const worse = repeat(40, { g: [150, 4], b: [150, 0] });
  const at = (confidence: number) => watchSoak(worse, { rules: { confidence } }).breachedAt ?? Infinity;
  expect(at(0.9)).toBeLessThan(at(0.9999));
});

test('a breach stays one, whatever comes after', () => {
  const { state } = watchSoak(repeat(4, failing));
  const later = watchSoak(repeat(40, fine), { from: state, at: 60 });
  expect(later.now).toMatchObject({ verdict: 'breached', code: 'limit-exceeded' });
});

test('a new soak proves its health afresh, while a breach that is building up goes on', () => {
  const judge = createJudge(evidenceRules);
  const first = watchSoak([...repeat(40, fine), failing]);
  expect(first.breachedAt).toBeUndefined();
  const next = judge.nextSoak(first.state, 615_000, { soakMs: 1_800_000, greenShare: 1 });
  expect(judge.judge(next, 615_000)).toMatchObject({ verdict: 'inconclusive' });
  const state = judge.observe(next, intervalOf({ g: [300, 150], b: [0, 0] }, 615, 630));
  expect(judge.judge(state, 630_000)).toMatchObject({ verdict: 'breached', code: 'limit-exceeded' });
});

test('what begins in the fourth hour at an open gate is found nearly as fast as at the start', () => {
  const { breachedAt } = watchSoak([...repeat(960, fine), ...repeat(8, { g: [150, 30], b: [150, 0] })]);
  expect(breachedAt).toBeLessThanOrEqual(960 * 15 + 60);
});

test('without a history, a blue that was quiet for a while in the soak makes a fault found sooner', () => {
  const { history: _, ...unknown } = facts;
  const fault = repeat(40, { g: [50, 7], b: [50, 0] });
  const foundAfter = (calmReadings: number, given = unknown) => {
    const { breachedAt = Infinity } = watchSoak([...repeat(calmReadings, { g: [50, 0], b: [50, 0] }), ...fault], {
      seconds: 5,
      facts: given,
    });
    return breachedAt - 5 * calmReadings;
  };
  expect(foundAfter(15)).toBeLessThan(foundAfter(2));
  expect(foundAfter(15)).toBe(foundAfter(15, facts));
});

test('knowing nothing of the soak, it still judges', () => {
  expect(watchSoak(repeat(6, failing), { facts: {} }).breachedAt).toBeLessThanOrEqual(60);
  expect(watchSoak(repeat(6, fine), { facts: {} }).now.verdict).toBe('healthy');
});

test('counted by a line below the limit, latency may prove health and a worse green, but no breach of the limit', () => {
  const latency = { quantile: 0.95, underMs: 250, isStricter: true as const };
  const judgeOf = (green: Step['g'], blue: Step['b']) => {
    const judge = sequentialJudge({ ...evidenceRules, limits: { errorRate: 0.05, latency } });
    let state = judge.start(0, { soakMs: 300_000, greenShare: 0.5 });
    for (let at = 0; at < 300; at += 15) {
      const interval = intervalOf({ g: green, b: blue }, at, at + 15);
      const slow = ({ requests, failed }: typeof interval.green) => counts({ requests, slow: failed });
      state = judge.observe(state, { ...interval, green: slow(interval.green), blue: slow(interval.blue) });
    }
    return judge.judge(state, 300_000);
  };
  expect(judgeOf([150, 1], [150, 1])).toMatchObject({ verdict: 'healthy' });
  expect(judgeOf([150, 18], [150, 18])).toMatchObject({ verdict: 'inconclusive', code: 'suspected' });
  expect(judgeOf([150, 60], [150, 9])).toMatchObject({ verdict: 'breached', code: 'worse-than-blue' });
});
