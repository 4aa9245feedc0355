import { expect, test } from '@jest/globals';
import type { Interval } from '../../src/judge/judgement.ts';
import type { ThresholdRules } from '../../src/judge/rules.ts';
import { type ThresholdState, thresholdJudge } from '../../src/judge/threshold.ts';
import { counts, rules } from './support.ts';

const T0 = 1_700_000_000_000;

/** Intervals of `ms` each, one after the other from `T0`, given as [green, blue]. */
function intervals(pairs: Partial<Interval['green']>[][], ms = 10_000): Interval[] {
  return pairs.map(([green, blue], index) => ({
    from: T0 + index * ms,
    to: T0 + (index + 1) * ms,
    green: counts(green ?? {}),
    blue: counts(blue ?? { requests: 100 }),
  }));
}

function watch(seen: Interval[], from?: ThresholdState, by: ThresholdRules = rules) {
  const judge = thresholdJudge(by);
  const state = seen.reduce((before, interval) => judge.observe(before, interval), from ?? judge.start(T0));
  return { state, at: (now: number) => judge.judge(state, now), now: judge.judge(state, seen.at(-1)?.to ?? T0) };
}

function times<T>(count: number, value: T): T[] {
  return Array.from({ length: count }, () => value);
}

const fine = { requests: 100, failed: 1, slow: 2 };
const failing = { requests: 100, failed: 20, slow: 2 };
const slow = { requests: 100, failed: 0, slow: 30 };

test('a soak within its limits is healthy, and says what was counted', () => {
  expect(watch(intervals([[fine], [fine]])).now).toEqual({
    verdict: 'healthy',
    reason:
      'green failed 2 of 200 requests (1 %) in 20 s; the limit is 5 %. ' +
      'It took longer than 500 ms for 4 of 200 requests (2 %); the limit is 5 %, since 95 % have to be within 500 ms',
  });
});

test('without a latency limit only errors are judged', () => {
  const { latency: _none, ...limits } = rules.limits;
  const { now } = watch(intervals([[slow], [slow], [slow]]), undefined, { ...rules, limits });
  expect(now).toEqual({ verdict: 'healthy', reason: 'green failed 0 of 300 requests (0 %) in 30 s; the limit is 5 %' });
});

test('three batches in a row over the error limit are a breach that names the counts of both versions', () => {
  expect(
    watch(intervals([[failing], [failing], [failing]].map(([green]) => [green ?? {}, { requests: 400, failed: 1 }])))
      .now,
  ).toEqual({
    verdict: 'breached',
    reason:
      'green failed 60 of 300 requests (20 %) in 30 s; the limit is 5 %; blue 3 of 1,200 requests (0.25 %), over 3 batches in a row',
  });
});

test('three batches in a row over the latency limit are a breach', () => {
  expect(
    watch(
      intervals([
        [slow, {}],
        [slow, {}],
        [slow, {}],
      ]),
    ).now,
  ).toEqual({
    verdict: 'breached',
    reason:
      'green took longer than 500 ms for 90 of 300 requests (30 %) in 30 s; the limit is 5 %, since 95 % have to be within 500 ms; ' +
      'blue had no timed requests, over 3 batches in a row',
  });
});

test('errors and latency have their own runs', () => {
  expect(watch(intervals([[failing], [slow], [failing], [slow]])).now.verdict).toBe('inconclusive');
  const both = { requests: 100, failed: 20, slow: 30 };
  expect(watch(intervals([[failing], [both], [both], [slow]])).now.reason).toMatch(/^green failed 60 of 300/);
});

test('a batch within its limits ends the run', () => {
  const { now } = watch(intervals([[failing], [failing], [{ requests: 1_000 }], [failing], [failing]]));
  expect(now).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringMatching(/over 2 batches in a row; a breach is proven after 3$/),
  });
});

test('a share exactly at the limit is within it, whatever binary fractions say', () => {
  for (const [errorRate, failed] of [
    [0.29, 29],
    [0.07, 7],
    [0.05, 5],
  ] as const) {
    const by = { ...rules, limits: { errorRate, latency: { quantile: 0.9, underMs: 500 } } };
    const atLimit = { requests: 100, failed, slow: 10 };
    expect(watch(intervals([[atLimit], [atLimit]]), undefined, by).now.verdict).toBe('healthy');
    const over = { ...atLimit, failed: failed + 1 };
    expect(watch(intervals([[over], [over], [over]]), undefined, by).now.verdict).toBe('breached');
  }
});

test('a breach stays one, also when green is well again or the next soak begins', () => {
  const judge = thresholdJudge(rules);
  const { state } = watch(intervals([[failing], [failing], [failing], [fine], [fine]]));
  const next = judge.nextSoak(state, T0 + 60_000);
  expect(judge.judge(next, T0 + 60_000)).toMatchObject({
    verdict: 'breached',
    reason: expect.stringContaining('60 of 300'),
  });
});

test('a batch needs its length and its requests', () => {
  const few = { requests: 10, failed: 10 };
  expect(watch(intervals(times(4, [few]))).state.runs.errors.batches).toBe(0);
  expect(watch(intervals(times(5, [few]))).state.runs.errors.batches).toBe(1);
  const quick = intervals(times(9, [failing]), 1_000);
  expect(watch(quick).state.runs.errors.batches).toBe(0);
});

test.each<[string, () => { reason: string; verdict: string }, RegExp]>([
  ['no metrics at all', () => watch([]).at(T0 + 30_000), /^no metrics since the soak began 30 s ago$/],
  [
    'stale metrics',
    () => watch(intervals([[fine], [fine]])).at(T0 + 80_000),
    /^no new metrics for 60 s; after 40 s they say nothing/,
  ],
  [
    'no traffic on either version',
    () =>
      watch(
        intervals([
          [{}, {}],
          [{}, {}],
        ]),
      ).now,
    /^no traffic on either version since the soak began$/,
  ],
  [
    'traffic on blue only',
    () => watch(intervals([[{}], [{}]])).now,
    /^blue has traffic but green gets none since the soak began/,
  ],
  [
    'green lost its traffic',
    () => watch(intervals([[fine], ...times(5, [{}])])).now,
    /green gets none for 50 s, although it had some before/,
  ],
  [
    'both lost their traffic',
    () => watch(intervals([[fine], ...times(5, [{}, {}])])).now,
    /^no traffic on either version for 50 s/,
  ],
  [
    'too few requests',
    () => watch(intervals([[{ requests: 7 }]])).now,
    /^too few requests yet: green answered 7 of the 50/,
  ],
  [
    'no batch complete',
    () => watch(intervals([[fine]], 4_000)).now,
    /^no batch is complete yet in this soak: the first holds 100 of 50 requests over 4 s of 10 s$/,
  ],
  [
    'one batch over',
    () => watch(intervals([[fine], [failing]])).now,
    /^green failed 20 of 100 .* over 1 batch; a breach is proven after 3$/,
  ],
  [
    'the open batch over',
    () =>
      watch([...intervals([[fine]]), { from: T0 + 10_000, to: T0 + 15_000, green: counts(failing), blue: counts({}) }])
        .now,
    /in the batch that is still open$/,
  ],
  [
    'the whole soak over',
    () => watch(intervals([[{ requests: 200, failed: 30 }], [fine]])).now,
    /^green failed 31 of 300 .* in the whole soak$/,
  ],
])('%s is no health', (_name, judged, reason) => {
  expect(judged()).toMatchObject({ verdict: 'inconclusive', reason: expect.stringMatching(reason) });
});

test('the next soak starts its proof afresh', () => {
  const judge = thresholdJudge(rules);
  const next = judge.nextSoak(watch(intervals([[fine], [fine]])).state, T0 + 20_000);
  expect(judge.judge(next, T0 + 20_000)).toEqual({
    verdict: 'inconclusive',
    reason: 'no metrics since the soak began 0 s ago',
  });
});

test('a breach that builds up goes on through the next soak', () => {
  const judge = thresholdJudge(rules);
  const next = judge.nextSoak(watch(intervals([[failing], [failing]])).state, T0 + 20_000);
  expect(watch(intervals([[failing]]), next).now.verdict).toBe('breached');
});

test('at 100 % blue has no traffic, and that is fine', () => {
  expect(
    watch(
      intervals([
        [fine, {}],
        [fine, {}],
      ]),
    ).now.verdict,
  ).toBe('healthy');
});

test('a worker whose clock is behind takes over without harm', () => {
  const [first] = intervals([[fine]]);
  const back = { from: T0 + 10_000, to: T0 + 8_000, green: counts(fine), blue: counts({}) };
  const { state } = watch(first ? [first, back] : []);
  expect(state.open.ms).toBe(0);
  expect(state.soak).toMatchObject({ seenAt: T0 + 10_000, green: { requests: 200 } });
});

test('the whole state stays under 1.25 KB', () => {
  const big = { requests: 1e9 + 1, failed: 3e8 + 1, slow: 9e8 + 1 };
  for (const batches of [1, 2, 3, 4]) {
    const { state } = watch(intervals(times(batches, [big, big])));
    expect(JSON.stringify(state).length).toBeLessThan(1_280);
  }
});
