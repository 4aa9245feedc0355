import { expect, test } from '@jest/globals';
import { sequentialJudge } from '../../src/judge/sequential.ts';
import { clustered, poisson, seeded } from '../support/random.ts';
import { evidenceRules, fine, intervalOf, repeat, type Step, watchSoak, withoutHistory } from './sequential-support.ts';

/** Faults right after the shift, when nothing is known of blue's past: ten requests a second on green. */

const pages = { seconds: 1, facts: withoutHistory };
const healthy: Step = { g: [10, 0], b: [10, 0] };

/** Seconds from the shift to the rollback of a green that fails 20 % from its first request, read at a phase of the polls. */
function foundAfter(seconds: number, phase: number, random: () => number): number {
  const judge = sequentialJudge({ ...evidenceRules, pollMs: seconds * 1_000 });
  let state = judge.start(0, withoutHistory);
  for (let to = phase, from = phase - seconds; to < 120; from = to, to += seconds) {
    const shared = to - Math.max(0, from);
    const green = poisson(10 * shared, random);
    const blue = poisson(10 * shared + 20 * Math.max(0, -from), random);
    const step: Step = { g: [green, Math.min(green, poisson(0.2 * green, random))], b: [blue, 0] };
    state = judge.observe(state, intervalOf(step, from, to));
    if (judge.judge(state, to * 1_000).verdict === 'breached') return to;
  }
  return Infinity;
}

test.each([
  { seconds: 1, most: 8 },
  { seconds: 5, most: 14 },
])('read every $seconds s, half of the releases that fail from the first request are found in $most s', (pace) => {
  const random = seeded(41);
  const all = Array.from({ length: 101 }, () => foundAfter(pace.seconds, pace.seconds * random(), random));
  expect(all.toSorted((a, b) => a - b)[50]).toBeLessThanOrEqual(pace.most);
});

test('the reading of the first shift counts against green, and not for its health', () => {
  const judge = sequentialJudge({ ...evidenceRules, pollMs: 5_000 });
  const failing: Step = { g: [50, 15], b: [50, 0] };
  const read = (first: Step) => {
    let state = judge.observe(judge.start(0, withoutHistory), intervalOf(first, -1, 4));
    for (const from of [4, 9]) state = judge.observe(state, intervalOf(failing, from, from + 5));
    return { state, now: judge.judge(state, 14_000) };
  };
  const seen = read({ g: [40, 12], b: [60, 0] });
  expect(seen.now).toMatchObject({ verdict: 'breached', code: 'limit-exceeded' });
  expect(seen.state.run.counts).toMatchObject({ ms: 10_000, green: { requests: 100, failed: 30 } });
  expect(read({ g: [40, 0], b: [60, 0] }).now.verdict).toBe('inconclusive');
});

test('what somebody tested green with before the shift does not count: green had more than its share explains', () => {
  const judge = sequentialJudge({ ...evidenceRules, pollMs: 5_000 });
  const tested: Step = { g: [400, 400], b: [60, 0] };
  const before = judge.start(0, withoutHistory);
  const { metrics } = judge.observe(before, intervalOf(tested, -1, 4));
  expect(metrics).toEqual(before.metrics);
  const elsewhere = judge.start(0, { soakMs: 600_000 });
  expect(judge.observe(elsewhere, intervalOf(tested, -1, 4)).metrics).toEqual(elsewhere.metrics);
});

test('clusters of failures are not taken for a fault while nothing is known of them; a fault that lasts is', () => {
  const random = seeded(11);
  const clusters = (requests: number) => clustered(requests, 0.01, 20, random);
  const codes = Array.from({ length: 60 }, () => {
    const steps = Array.from({ length: 90 }, (): Step => {
      const [green, blue] = [poisson(50, random), poisson(50, random)];
      return { g: [green, clusters(green)], b: [blue, clusters(blue)] };
    });
    return [...watchSoak(steps, pages).all.values()].find(({ verdict }) => verdict === 'breached')?.code;
  });
  expect(codes.filter((code) => code === 'limit-exceeded')).toEqual([]);
  const fault: Step = { g: [50, 10], b: [50, 0] };
  const calm: Step = { g: [50, 0], b: [50, 0] };
  expect(watchSoak([...repeat(12, calm), ...repeat(10, fault)], pages).breachedAt).toBeLessThanOrEqual(12 + 8);
});

test.each([0.7, 1, 1.5, 2, 3.3, 5])(
  'read every %d s, a complete failure of 5 s is none, wherever it begins',
  (seconds) => {
    for (let begins = 30; begins < 30 + seconds; begins += 0.25) {
      const steps = Array.from({ length: Math.ceil(120 / seconds) }, (_, index): Step => {
        const failing = Math.min((index + 1) * seconds, begins + 5) - Math.max(index * seconds, begins);
        const requests = Math.round(10 * seconds);
        return { g: [requests, Math.round(10 * Math.max(0, failing))], b: [requests, 0] };
      });
      expect(watchSoak(steps, { seconds, facts: withoutHistory }).breachedAt).toBeUndefined();
    }
  },
);

test('a judge goes on only with a state of its own format', () => {
  const judge = sequentialJudge(evidenceRules);
  const { state } = watchSoak(repeat(3, fine));
  expect(judge.canContinue(state)).toBe(true);
  expect(judge.canContinue({ ...state, format: 1 as never })).toBe(false);
  expect(watchSoak(repeat(12, healthy), pages).breachedAt).toBeUndefined();
});
