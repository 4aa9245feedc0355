import { expect, test } from '@jest/globals';
import { sequentialJudge } from '../../src/judge/sequential.ts';
import { thresholdJudge } from '../../src/judge/threshold.ts';
import { evidenceRules, facts, fine, intervalOf, repeat, type Step, watchSoak } from './sequential-support.ts';
import { rules } from './support.ts';

/** What counts for a soak: requests since its shift, and the time in which green was asked. */

const silent: Step = { g: [0, 0], b: [0, 0] };
const second: Step = { g: [100, 0], b: [100, 0] };

test('2 of 4.5 minutes without a request do not count: the soak is healthy when as much time with requests is over', () => {
  const soak = { seconds: 5, facts: { ...facts, soakMs: 270_000 } };
  const steps = [...repeat(12, second), ...repeat(24, silent), ...repeat(18, second)];
  const atItsEnd = watchSoak(steps, soak).now;
  expect(atItsEnd).toMatchObject({ verdict: 'inconclusive', code: 'insufficient-data', missingMs: 120_000 });
  expect(atItsEnd.reason).toMatch(/150 s of 270 s were observed; time without .* requests to green .* does not count$/);
  const { all } = watchSoak([...steps, ...repeat(26, second)], soak);
  const healthyAt = [...all].find(([t, { verdict }]) => t >= 270 && verdict === 'healthy')?.[0];
  expect(healthyAt).toBe(270 + 120 - 2 * 5);
});

test('a pause that chance explains counts: at a request in 15 s a reading has often none', () => {
  const one: Step = { g: [1, 0], b: [1, 0] };
  const steps = Array.from({ length: 90 }, () => [one, silent, silent]).flat();
  const { state } = watchSoak(steps, { seconds: 5, facts: { ...facts, soakMs: 1_350_000 } });
  expect(state.run.clock.countedMs).toBeGreaterThanOrEqual(1_350_000 - 15_000);
});

test('one request now and then does not make minutes of silence a soak', () => {
  const one: Step = { g: [1, 0], b: [1, 0] };
  const pause = [...repeat(5, silent), one];
  const { state } = watchSoak([...repeat(12, second), ...pause, ...pause, ...pause, ...pause], { seconds: 5 });
  expect(state.run.clock.countedMs).toBe(60_000 + 4 * 5_000);
});

test('what green answered before the shift is none of the soak: neither its requests nor its time', () => {
  const judge = sequentialJudge({ ...evidenceRules, pollMs: 5_000 });
  const before: Step = { g: [200, 20], b: [500, 0] };
  let state = judge.observe(judge.start(0, { ...facts, soakMs: 20_000 }), intervalOf(before, -12, 3));
  for (let at = 3; at < 23; at += 5) state = judge.observe(state, intervalOf({ g: [50, 0], b: [50, 0] }, at, at + 5));
  expect(state.run).toMatchObject({
    clock: { countedMs: 20_000 },
    counts: { ms: 20_000, green: { requests: 200, failed: 0 } },
  });
  expect(judge.judge(state, 23_000)).toEqual({
    verdict: 'healthy',
    reason: 'green failed 0 of 200 requests (0 %) in 20 s; the limit is 5 %',
  });
});

test('requests of blue during the shift are not expected of green', () => {
  const judge = sequentialJudge({ ...evidenceRules, pollMs: 1_000, trafficGraceMs: 10_000 });
  const onlyBlue: Step = { g: [0, 0], b: [100, 0] };
  let state = judge.observe(judge.start(0, facts), intervalOf({ g: [0, 0], b: [1_000, 0] }, -10, 0.1));
  for (let at = 0; at < 11; at += 1) state = judge.observe(state, intervalOf(onlyBlue, at + 0.1, at + 1.1));
  const { code, reason } = judge.judge(state, 11_100);
  expect(code).toBe('no-green-traffic');
  expect(reason).toMatch(
    /^green had no request in the 1[01] s since the shift, while blue had 1,[01]00; about 1,[01]00 were/,
  );
});

test('what fails while a later shift is under way counts against green: it had customers already', () => {
  const judge = sequentialJudge(evidenceRules);
  const failing: Step = { g: [150, 75], b: [150, 0] };
  const shifting = judge.nextSoak(judge.start(-600_000, facts), 0, { ...facts, greenShare: 1 });
  let state = judge.observe(shifting, intervalOf(failing, -3, 12));
  state = judge.observe(state, intervalOf(failing, 12, 27));
  expect(judge.judge(state, 27_000)).toMatchObject({ verdict: 'breached', code: 'limit-exceeded' });
});

test('by the threshold rule, too, time without a request does not count', () => {
  const judge = thresholdJudge(rules);
  const pause = intervalOf(silent, 60, 180);
  let state = judge.observe(judge.start(0, { soakMs: 120_000 }), intervalOf({ g: [6_000, 0], b: [6_000, 0] }, 0, 60));
  state = judge.observe(judge.observe(state, pause), intervalOf({ g: [100, 0], b: [100, 0] }, 180, 181));
  expect(judge.judge(state, 181_000)).toMatchObject({ verdict: 'inconclusive', missingMs: 59_000 });
  state = judge.observe(state, intervalOf({ g: [5_900, 0], b: [5_900, 0] }, 181, 240));
  expect(judge.judge(state, 240_000).verdict).toBe('healthy');
});

test('by the threshold rule, too, the proof of a soak begins with its shift', () => {
  const judge = thresholdJudge(rules);
  const state = judge.observe(judge.start(0), intervalOf({ g: [200, 0], b: [200, 0] }, -12, 3));
  expect(state.soak).toMatchObject({ green: { requests: 0 }, seenAt: 3_000, greenSeenAt: null });
});

test('after metrics were away for 80 s the soak needs 80 s more, and two readings at most', () => {
  const steps = [...repeat(20, fine), ...repeat(5, null), ...repeat(30, fine)];
  const { all } = watchSoak(steps);
  const healthyAt = [...all].find(([t, { verdict }]) => t >= 600 && verdict === 'healthy')?.[0];
  // Counters lose nothing: the reading after the outage covers its whole time, of which 60 s count.
  expect(healthyAt).toBeLessThanOrEqual(600 + 80 + 2 * 15);
});
