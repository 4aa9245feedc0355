import { expect, test } from '@jest/globals';
import { type ConditionRules, type ConditionState, conditionJudge } from '../../src/judge/condition.ts';

const memory: ConditionRules = { below: 2_000, forMs: 120_000, staleMs: 60_000, maxNoDataMs: 600_000 };

/** One value each 15 s from second 15 on; the verdict right after the last. */
function watch(values: readonly (number | null)[], rules = memory, from?: ConditionState) {
  const judge = conditionJudge(rules);
  let state = from ?? judge.start(0);
  values.forEach((value, index) => {
    state = judge.observe(JSON.parse(JSON.stringify(state)) as ConditionState, value, (index + 1) * 15_000);
  });
  return { state, now: judge.judge(state, values.length * 15_000), later: (ms: number) => judge.judge(state, ms) };
}

const many = (count: number, value: number | null) => Array.from({ length: count }, () => value);

test('a condition that holds is healthy, from its first value on', () => {
  expect(watch([1_500]).now).toEqual({ verdict: 'healthy', reason: '1,500, expected below 2,000' });
});

test('broken for its time without a break it is a breach, and stays one', () => {
  expect(watch(many(8, 2_500)).now).toMatchObject({ verdict: 'inconclusive', code: 'suspected' });
  const broken = watch(many(9, 2_500));
  expect(broken.now).toEqual({
    verdict: 'breached',
    code: 'condition-broken',
    reason: '2,500, expected below 2,000; it has been so for 120 s',
  });
  expect(watch([1_000], memory, broken.state).now.verdict).toBe('breached');
});

test('one good value begins the time anew, and it has to be kept for as long', () => {
  const broken = [...many(8, 2_500), 1_500, ...many(8, 2_500)];
  expect(watch(broken).now).toMatchObject({ code: 'suspected' });
  expect(watch([2_500, ...many(8, 1_500)]).now).toMatchObject({ code: 'suspected', missingMs: 15_000 });
  expect(watch([2_500, ...many(9, 1_500)]).now.verdict).toBe('healthy');
});

test('no value is neither good nor bad', () => {
  expect(watch([...many(8, 2_500), ...many(3, null)]).now.verdict).toBe('inconclusive');
  expect(watch([1_500, ...many(4, null)]).now.verdict).toBe('healthy');
  expect(watch([1_500, ...many(5, null)]).now).toMatchObject({ code: 'no-metrics', reason: 'no value for 75 s' });
  // Nobody knows what it was in between.
  expect(watch([2_500, ...many(8, null), 2_500]).now).toMatchObject({ code: 'suspected' });
});

test('without a value for the time of the judge a person has to decide', () => {
  expect(watch([null]).now).toMatchObject({ verdict: 'inconclusive', code: 'no-metrics' });
  expect(watch([null]).later(601_000)).toMatchObject({ code: 'no-metrics', exhausted: true });
});

test('a value may have to be more, or between two bounds; at a bound it is broken', () => {
  const { below: _, ...rest } = memory;
  const above = { ...rest, above: 0.95 };
  expect(watch([0.96], above).now).toEqual({ verdict: 'healthy', reason: '0.96, expected above 0.95' });
  expect(watch([0.95], above).now.verdict).toBe('inconclusive');
  expect(watch([5], { ...memory, above: 10 }).now.reason).toMatch(/^5, expected above 10 and below 2,000/);
});

test('what is broken as the next soak begins has been broken before', () => {
  const judge = conditionJudge(memory);
  const { state } = watch(many(8, 2_500));
  const next = judge.nextSoak(state, 121_000);
  expect(judge.judge(next, 121_000)).toMatchObject({ code: 'no-metrics' });
  const kept = judge.observe(next, 1_500, 135_000);
  expect(judge.judge(kept, 135_000)).toMatchObject({ code: 'suspected' });
});
