import { describe, expect, test } from '@jest/globals';
import type { Interval, Judge, Judgement } from '../../src/judge/judgement.ts';
import type { Counts, SoakFacts } from '../../src/judge/rules.ts';
import { sequentialJudge } from '../../src/judge/sequential.ts';
import { thresholdJudge } from '../../src/judge/threshold.ts';
import { evidenceRules } from './sequential-support.ts';
import { rules as thresholdRules } from './support.ts';

/** Requests of which only some are timed, or none: `slow` is a part of these. */

const SOAK_MS = 600_000;
const POLL_MS = 15_000;
const limits = { errorRate: 0.05, latency: { quantile: 0.95, underMs: 500 } };
const sequential = sequentialJudge({ ...evidenceRules, limits, pollMs: POLL_MS });
const threshold = thresholdJudge({ ...thresholdRules, limits, pollMs: POLL_MS });
const UNTIMED = "the metrics count green's requests, but not how long those of the last";

interface Step {
  readonly green: Counts;
  readonly blue: Counts;
}

/** The judgements after each interval of 15 s, each by a judge that has the state as JSON, as another worker has it. */
function watch<State>(judge: Judge<State>, steps: readonly Step[], facts: SoakFacts = {}): Judgement[] {
  let state = judge.start(0, { soakMs: SOAK_MS, greenShare: 0.5, ...facts });
  return steps.map((step, index): Judgement => {
    const [from, to] = [index * POLL_MS, (index + 1) * POLL_MS];
    const interval: Interval = { from, to, ...step };
    state = JSON.parse(JSON.stringify(judge.observe(state, interval))) as State;
    return judge.judge(state, to);
  });
}

const counts = (slow: number, timed?: number): Counts => ({
  requests: 300,
  failed: 0,
  slow,
  ...(timed !== undefined && { timed }),
});
const times = (number: number, green: Counts, blue: Counts): Step[] =>
  Array.from({ length: number }, () => ({ green, blue }));
const SOAK = SOAK_MS / POLL_MS;

test('a green whose durations are counted is not worse than a blue whose durations are not', () => {
  const soak = times(SOAK, counts(6), counts(0, 0));
  for (const judge of [sequential, threshold]) {
    expect(watch<never>(judge as never, soak).at(-1)).toMatchObject({ verdict: 'healthy' });
  }
  // With durations of blue it would be.
  expect(watch(sequential, times(SOAK, counts(6), counts(0))).at(-1)).toMatchObject({ code: 'worse-than-blue' });
});

test('slow requests are a share of those that are timed, not of all', () => {
  const soak = times(SOAK, counts(6, 30), counts(0, 30));
  const words = /green took longer than 500 ms for [\d,]+ of [\d,]+ requests \(20 %\)/;
  expect(watch(sequential, soak).at(-1)).toMatchObject({ verdict: 'breached', reason: expect.stringMatching(words) });
  // As many of each version are within the limit, though a fifth of all requests is not timed.
  const healthy = watch(sequential, times(SOAK, counts(3, 240), counts(3, 240))).at(-1);
  expect(healthy).toMatchObject({ verdict: 'healthy' });
  expect(healthy?.reason).toContain('took longer than 500 ms for 120 of 9,600 requests (1.25 %)');
});

describe.each<[string, (steps: readonly Step[], facts?: SoakFacts) => Judgement[]]>([
  ['sequential', (...args) => watch(sequential, ...args)],
  ['threshold', (...args) => watch(threshold, ...args)],
])('%s', (_name, judgementsOf) => {
  const good = counts(0);
  const untimed = counts(0, 0);

  test('a green that is not timed at all is never healthy, and its errors are a breach all the same', () => {
    const all = judgementsOf(times(2 * SOAK, untimed, good));
    expect(all.map(({ verdict }) => verdict)).toEqual(all.map(() => 'inconclusive'));
    expect(all.at(-1)?.reason).toContain(UNTIMED);
    const failing = { ...untimed, failed: 150 };
    expect(judgementsOf(times(SOAK, failing, good)).at(-1)).toMatchObject({ verdict: 'breached' });
  });

  test('durations that stop in the soak withhold health after a minute, until they are back', () => {
    const all = judgementsOf([
      ...times(SOAK, good, good),
      ...times(8, untimed, good),
      ...times(1, good, good),
      ...times(8, good, good),
    ]);
    const verdictAt = (index: number) => all[SOAK + index]?.verdict;
    expect(verdictAt(-1)).toBe('healthy');
    expect(verdictAt(2)).toBe('healthy'); // 45 s: perhaps they are late
    expect(verdictAt(3)).toBe('inconclusive');
    expect(all[SOAK + 7]?.reason).toContain(`${UNTIMED} 120 s took`);
    expect(verdictAt(8)).toBe('healthy');
  });

  test('durations that come half a minute after their requests are no doubt', () => {
    const late: Counts = { requests: 300, failed: 0, slow: 0, timed: 600 };
    const soak = Array.from({ length: SOAK / 2 }, () => [
      ...times(1, untimed, untimed),
      ...times(1, late, late),
    ]).flat();
    expect(judgementsOf(soak).at(-1)).toMatchObject({ verdict: 'healthy' });
  });

  test('few timed requests are too few for health', () => {
    const soak = [...times(1, counts(0, 10), good), ...times(SOAK - 2, untimed, good), ...times(1, counts(0, 1), good)];
    expect(judgementsOf(soak).at(-1)).toMatchObject({ verdict: 'inconclusive' });
  });
});

test('the last minute, too, is judged by its timed requests', () => {
  const few = counts(2, 30);
  const soak = [...times(SOAK, counts(0), counts(0)), ...times(4, few, counts(0, 0))];
  expect(watch(sequential, soak).at(-1)).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringMatching(/green took longer than 500 ms for 8 of 120 requests/),
  });
});

test('a batch with few timed requests is none over the limit, and ends no run of those that are', () => {
  const slow = counts(30);
  const oneSlow = counts(1, 1);
  const good = counts(0);
  const verdicts = (steps: readonly Step[]) => watch(threshold, steps).map(({ verdict }) => verdict);
  expect(verdicts(times(8, oneSlow, good))).not.toContain('breached');
  expect(verdicts([...times(2, slow, good), ...times(3, oneSlow, good)])).not.toContain('breached');
  expect(verdicts([...times(2, slow, good), ...times(3, oneSlow, good), ...times(1, slow, good)]).at(-1)).toBe(
    'breached',
  );
});

test('without a limit for latency nobody asks for durations', () => {
  const judge = sequentialJudge({ ...evidenceRules, pollMs: POLL_MS });
  const untimed = counts(0, 0);
  expect(watch(judge, times(SOAK, untimed, untimed)).at(-1)).toMatchObject({ verdict: 'healthy' });
});

test('a history of which only some is timed is no dispersion', () => {
  const history = Array.from({ length: 60 }, () => ({ requests: 1_200, failed: 0, slow: 2, timed: 120 }));
  const soak = times(8, counts(12, 30), counts(1, 30));
  expect(watch(sequential, soak, { history }).at(-1)).toMatchObject({ verdict: 'breached' });
});
