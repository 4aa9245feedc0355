import { expect, test } from '@jest/globals';
import { type SequentialState, sequentialJudge } from '../../src/judge/sequential.ts';
import { evidenceRules, facts, failing, fine, repeat, type Step, watchSoak } from './sequential-support.ts';
import { counts } from './support.ts';

/** No data, low traffic, an outage of the metrics, counter resets and stale samples: the verdict of each is defined. */

const silent: Step = { g: [0, 0], b: [0, 0] };
const onlyBlue: Step = { g: [0, 0], b: [150, 0] };
const dark: Step = { ...onlyBlue, greenDark: true };

test('metrics out for 90 s: neither a breach nor health, and the missed time does not count for the soak', () => {
  const { all, now, breachedAt } = watchSoak([...repeat(20, fine), ...repeat(6, null), ...repeat(14, fine)]);
  expect(breachedAt).toBeUndefined();
  expect(all.get(390)).toMatchObject({ verdict: 'inconclusive', code: 'no-metrics' });
  expect(now).toMatchObject({ verdict: 'inconclusive', code: 'insufficient-data' });
  expect(now.reason).toMatch(/of 600 s were observed/);
  expect(watchSoak([...repeat(20, fine), ...repeat(6, null), ...repeat(20, fine)]).now.verdict).toBe('healthy');
});

test('metrics out for longer than the budget: it is undecided, no rollback', () => {
  const { now, breachedAt } = watchSoak([...repeat(4, fine), ...repeat(41, null)]);
  expect(breachedAt).toBeUndefined();
  expect(now).toMatchObject({ verdict: 'inconclusive', code: 'no-metrics', exhausted: true });
  expect(now.reason).toBe('no new metrics for 615 s; after 60 s they say nothing about now');
});

test('no reading at all since the soak began is blind, too', () => {
  expect(watchSoak(repeat(2, null)).now).toEqual({
    verdict: 'inconclusive',
    code: 'no-metrics',
    reason: 'no metrics since the soak began 30 s ago',
  });
});

test('a reading that began before the soak says nothing of its traffic: the next one is waited for', () => {
  const judge = sequentialJudge(evidenceRules);
  const [green, blue] = [counts({ requests: 150 }), counts({ requests: 150 })];
  const first = judge.observe(judge.start(5_000, facts), { from: 0, to: 15_000, green, blue });
  expect(judge.judge(first, 15_000)).toMatchObject({
    verdict: 'inconclusive',
    code: 'insufficient-data',
    reason: 'the newest reading holds requests from before the soak; waiting for the next',
  });
  const silentNow = { from: 15_000, to: 30_000, green: counts({}), blue: counts({}) };
  expect(judge.judge(judge.observe(first, silentNow), 30_000)).toMatchObject({ code: 'no-traffic' });
});

test('a stale newest sample is no evidence of the present: what was healthy is not any more', () => {
  const healthy = watchSoak(repeat(40, fine));
  expect(healthy.now.verdict).toBe('healthy');
  const stale = watchSoak(repeat(5, null), { from: healthy.state, at: 600 });
  expect(stale.now).toMatchObject({ verdict: 'inconclusive', code: 'no-metrics' });
  expect(stale.now).not.toHaveProperty('exhausted');
});

test('a duplicate reading is no interval: asking again changes nothing', () => {
  const once = watchSoak([...repeat(10, fine), failing]);
  const again = watchSoak([null], { from: once.state, at: 165 });
  expect(again.state).toEqual(once.state);
});

test("green's targets do not report for three readings while blue's do: rolled back; for one or two: not", () => {
  expect(watchSoak([...repeat(8, fine), ...repeat(2, dark), ...repeat(30, fine)]).breachedAt).toBeUndefined();
  const { breachedAt, now } = watchSoak([...repeat(8, fine), ...repeat(3, dark)]);
  expect(breachedAt).toBe(165);
  expect(now).toMatchObject({ code: 'targets-down' });
  expect(now.reason).toMatch(/^green's targets have not reported for 45 s \(3 readings in a row\) while blue's did/);
});

test('a scrape of green that is missed is no missing traffic, and its requests count with the next one', () => {
  const late: Step = { g: [300, 0], b: [150, 0] };
  const { now, breachedAt, state } = watchSoak([...repeat(8, fine), dark, late, ...repeat(30, fine)]);
  expect(breachedAt).toBeUndefined();
  expect(now.verdict).toBe('healthy');
  expect(state.run).toMatchObject({ clock: { countedMs: 600_000 }, counts: { green: { requests: 6_000 } } });
});

test('targets that are read every second at different moments are not gone', () => {
  const read: Step = { g: [20, 0], b: [20, 0] };
  const between: Step = { g: [0, 0], b: [20, 0], greenDark: true };
  const steps = Array.from({ length: 20 }, () => [...repeat(14, between), read]).flat();
  expect(watchSoak(steps, { seconds: 1 }).breachedAt).toBeUndefined();
});

test('a dark reading at the end is not healthy', () => {
  expect(watchSoak([...repeat(40, fine), dark]).now).toMatchObject({ verdict: 'inconclusive', code: 'suspected' });
});

test('green has no request where 14 were to be expected: the routing is broken', () => {
  const { breachedAt, now } = watchSoak([...repeat(8, fine), onlyBlue]);
  expect(breachedAt).toBe(135);
  expect(now).toMatchObject({ code: 'no-green-traffic' });
  expect(now.reason).toMatch(
    /^green had no request in the 15 s since its last one, while blue had 150; about 150 were to be expected of green/,
  );
});

test('traffic that was set right is given its time again, and then what green misses counts anew', () => {
  const judge = sequentialJudge(evidenceRules);
  const gone: Step = { g: [0, 0], b: [13, 0] };
  const seen = watchSoak([...repeat(8, fine), gone]);
  expect(seen.breachedAt).toBeUndefined();
  const at = 9 * 15;
  const withoutGreen = (from: SequentialState) => watchSoak(repeat(6, onlyBlue), { from, at });
  expect(withoutGreen(seen.state).breachedAt).toBe(at + 15);
  expect(withoutGreen(judge.setRight?.(seen.state, at * 1_000) ?? seen.state).breachedAt).toBe(at + 75);
});

test('a second without a request of green is within the patience, ten are not', () => {
  const second: Step = { g: [20, 0], b: [20, 0] };
  const alone: Step = { g: [0, 0], b: [20, 0] };
  const after = (count: number) =>
    watchSoak([...repeat(90, second), ...repeat(count, alone)], { seconds: 1 }).breachedAt;
  expect(after(5)).toBeUndefined();
  expect(after(10)).toBe(96);
});

test('green has no request where few were to be expected: nothing is proven', () => {
  const quietBlue: Step = { g: [0, 0], b: [3, 0] };
  expect(watchSoak([...repeat(8, fine), ...repeat(4, quietBlue)]).breachedAt).toBeUndefined();
});

test('at 100 % a request that blue still gets does not say that green is missing one', () => {
  const all: Step = { g: [150, 0], b: [0, 0] };
  const stray: Step = { g: [0, 0], b: [20, 0] };
  expect(watchSoak([...repeat(8, all), stray], { facts: { ...facts, greenShare: 1 } }).breachedAt).toBeUndefined();
});

test('at 100 % green is healthy only once blue has lost most of its share: a gateway may not follow its route', () => {
  const judge = sequentialJudge(evidenceRules);
  const at = 40 * 15;
  const all = { ...facts, greenShare: 1 };
  const half = watchSoak(repeat(40, fine)).state;
  const after = (steps: readonly (Step | null)[], from = judge.nextSoak(half, at * 1_000, all)) =>
    watchSoak(steps, { from, at }).now;
  expect(after(repeat(40, fine))).toMatchObject({
    verdict: 'inconclusive',
    code: 'blue-has-traffic',
    reason: expect.stringMatching(/^blue still gets 50 % of the requests, .*; otherwise healthy: green failed 0 of/),
  });
  const probed: Step = { g: [270, 0], b: [50, 0] };
  expect(after(repeat(40, probed)).verdict).toBe('healthy');
  expect(after([...repeat(30, fine), ...repeat(10, probed)]).verdict).toBe('healthy');
  // Nothing to compare with: all traffic is shifted in one step.
  expect(after(repeat(40, fine), judge.start(at * 1_000, all)).verdict).toBe('healthy');
});

test('at 100 % a soak that is shorter than the time that a router has shows all the same that blue did not lose its share', () => {
  const judge = sequentialJudge(evidenceRules);
  const all = { ...facts, greenShare: 1, soakMs: 30_000 };
  const at = 40 * 15;
  const from = judge.nextSoak(watchSoak(repeat(40, fine)).state, at * 1_000, all);
  const after = (steps: readonly (Step | null)[]) => watchSoak(steps, { from, at, seconds: 3 }).now;
  const third: Step = { g: [60, 0], b: [60, 0] };
  const moved: Step = { g: [120, 0], b: [0, 0] };
  expect(after(repeat(10, third))).toMatchObject({ verdict: 'inconclusive', code: 'blue-has-traffic' });
  // Proxies that follow within seconds.
  expect(after([third, ...repeat(9, moved)]).verdict).toBe('healthy');
});

test('no traffic on either version: quiet, not healthy, not rolled back', () => {
  const { now, breachedAt } = watchSoak([...repeat(20, fine), ...repeat(20, silent)]);
  expect(breachedAt).toBeUndefined();
  expect(now).toMatchObject({ verdict: 'inconclusive', code: 'no-traffic' });
  expect(now.reason).toBe('no traffic on either version for 300 s');
});

test('two restarts of one of its targets are a failure of green; one of each of two is none', () => {
  const restarted = (target: string): Step => ({ ...fine, greenRestarts: { [target]: 1 } });
  expect(watchSoak([restarted('a'), restarted('b'), ...repeat(38, fine)]).now.verdict).toBe('healthy');
  const { now, breachedAt } = watchSoak([restarted('a'), fine, restarted('a')]);
  expect(breachedAt).toBe(45);
  expect(now).toMatchObject({
    code: 'restarting',
    reason: "green's target a restarted 2 times since traffic was shifted to it",
  });
});

test('missed polls are one longer interval: nothing is lost', () => {
  const gap: Step = { g: [600, 300], b: [600, 0] };
  const { breachedAt } = watchSoak([...repeat(8, fine), null, null, null, gap, failing, failing]);
  expect(breachedAt).toBeLessThanOrEqual(210);
});

test('healthy needs proof: few requests without a failure are not enough', () => {
  const little: Step = { g: [1, 0], b: [1, 0] };
  const few = watchSoak(repeat(40, little), { rules: { minRequests: 1 } });
  expect(few.now).toMatchObject({ verdict: 'inconclusive', code: 'insufficient-data' });
  expect(few.now.reason).toMatch(
    /^healthy so far: 40 of about 59 requests needed for proof \(about 285 s more at this rate\); green failed 0 of 40 /,
  );
  expect(watchSoak(repeat(60, little), { rules: { minRequests: 1 } }).now.verdict).toBe('healthy');
  expect(watchSoak(repeat(60, little), { rules: { minRequests: 100 } }).now.verdict).toBe('inconclusive');
});
