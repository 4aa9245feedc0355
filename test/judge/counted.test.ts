import { expect, test } from '@jest/globals';
import { type CountedRules, type CountedState, countedJudge, countedShares, testsOf } from '../../src/judge/counted.ts';
import type { Judgement } from '../../src/judge/judgement.ts';
import { SEQUENTIAL_DEFAULTS } from '../../src/judge/rules.ts';
import { sequentialJudge } from '../../src/judge/sequential.ts';
import { clustered, poisson, seeded } from '../support/random.ts';
import { evidenceRules, facts, intervalOf, type Step, watchSoak } from './sequential-support.ts';
import { counts } from './support.ts';

const SECONDS = 15;
const checkouts: CountedRules = {
  ...SEQUENTIAL_DEFAULTS,
  limit: 0.02,
  compare: 'failed',
  required: false,
  tests: 4,
  pollMs: SECONDS * 1_000,
  staleMs: 60_000,
};
const withoutLimit = (rules: CountedRules): CountedRules => {
  const { limit: _, ...rest } = rules;
  return rest;
};

interface Watched {
  readonly state: CountedState;
  readonly now: Judgement;
  /** The second at which it was breached. */
  readonly breachedAt: number | undefined;
}

function watch(steps: readonly Step[], rules: CountedRules = checkouts): Watched {
  const judge = countedJudge(rules);
  let state = judge.start(0, facts);
  let breachedAt: number | undefined;
  steps.forEach((step, index) => {
    state = judge.observe(state, intervalOf(step, index * SECONDS, (index + 1) * SECONDS));
    if (judge.judge(state, (index + 1) * SECONDS * 1_000).verdict === 'breached') breachedAt ??= (index + 1) * SECONDS;
  });
  return { state, breachedAt, now: judge.judge(state, steps.length * SECONDS * 1_000) };
}

function soak(share: { readonly green: number; readonly blue: number }, perStep: number, seed: number): Step[] {
  const random = seeded(seed);
  const one = (bad: number): readonly [number, number] => {
    const all = poisson(perStep, random);
    // What is rare is what varies like chance.
    return [all, bad > 0.5 ? all - clustered(all, 1 - bad, 1, random) : clustered(all, bad, 1, random)];
  };
  return Array.from({ length: 40 }, () => ({ g: one(share.green), b: one(share.blue) }));
}

test('checkouts that fail too often are a breach, with the counts, the limit and blue in the reason', () => {
  const { breachedAt, now } = watch(soak({ green: 0.3, blue: 0.005 }, 40, 1));
  expect(breachedAt).toBeLessThan(120);
  expect(now).toMatchObject({ verdict: 'breached', code: 'limit-exceeded' });
  expect(now.reason).toMatch(/^green failed \d+ of \d+ requests \(.*\) in \d+ s; the limit is 2 %; blue \d+ of /);
});

test('without a limit green is only compared with blue', () => {
  const rules = withoutLimit(checkouts);
  expect(watch(soak({ green: 0.3, blue: 0.3 }, 40, 1), rules)).toMatchObject({ now: { verdict: 'healthy' } });
  const { now } = watch(soak({ green: 0.3, blue: 0.05 }, 40, 1), rules);
  expect(now).toMatchObject({ verdict: 'breached', code: 'worse-than-blue' });
  expect(now.reason).not.toContain('limit');
});

test('where answers are compared, fewer of them are worse: orders per request', () => {
  const rules: CountedRules = { ...withoutLimit(checkouts), compare: 'answered' };
  const orders = (green: number) => soak({ green: 1 - green, blue: 0.95 }, 400, 1);
  expect(watch(orders(0.05), rules)).toMatchObject({ breachedAt: undefined, now: { verdict: 'healthy' } });
  expect(watch(orders(0.1), rules)).toMatchObject({ breachedAt: undefined, now: { verdict: 'healthy' } });
  const { now, state } = watch(orders(0.02), rules);
  expect(now).toMatchObject({ verdict: 'breached', code: 'worse-than-blue' });
  expect(now.reason).toMatch(/^green answered \d+ of [\d,]+ requests \([12]\.?\d* %\) in \d+ s; blue \d+ of /);
  const { green, blue } = countedShares(state);
  expect(green).toBeCloseTo(0.02, 2);
  expect(blue).toBeCloseTo(0.05, 2);
});

test('none of either is no difference', () => {
  const rules: CountedRules = { ...withoutLimit(checkouts), compare: 'answered' };
  const none: Step = { g: [100, 100], b: [100, 100] };
  expect(
    watch(
      Array.from({ length: 20 }, () => none),
      rules,
    ).now.verdict,
  ).toBe('healthy');
});

test('few events are no proof of health, and no objection either', () => {
  const few: Step[] = Array.from({ length: 40 }, (_, index) => ({ g: [index % 2, 0], b: [1, 0] }));
  expect(watch(few).now).toMatchObject({
    verdict: 'inconclusive',
    code: 'insufficient-data',
    reason: expect.stringMatching(/^too few to judge: 20 of 50; nothing speaks against green: green failed 0 of 20 /),
  });
  expect(watch(few, { ...checkouts, required: true }).now).toMatchObject({
    code: 'insufficient-data',
    reason: expect.stringMatching(/^healthy so far: 20 of about 149 requests needed for proof/),
    missingMs: expect.any(Number),
  });
});

test('over the limit beyond luck, but not yet proven, is a doubt', () => {
  const unlucky: Step[] = [...soak({ green: 0, blue: 0 }, 20, 3).slice(0, 3), { g: [20, 3], b: [20, 1] }];
  expect(watch(unlucky).now).toMatchObject({ verdict: 'inconclusive', code: 'suspected' });
});

test('while blue itself is over the limit, that is said, and after its time a person has to decide', () => {
  const both = soak({ green: 0.2, blue: 0.2 }, 40, 4);
  expect(watch(both).now).toMatchObject({ code: 'blue-unhealthy' });
  expect(watch(both, { ...checkouts, maxBlueUnhealthyMs: 60_000 }).now).toMatchObject({ exhausted: true });
});

test('counts that stop coming are no evidence, and are waited for only so long', () => {
  const { state } = watch(soak({ green: 0, blue: 0 }, 40, 5));
  const judge = countedJudge(checkouts);
  const end = 40 * SECONDS * 1_000;
  expect(judge.judge(state, end + 59_000).verdict).toBe('healthy');
  expect(judge.judge(state, end + 61_000)).toMatchObject({ verdict: 'inconclusive', code: 'no-metrics' });
  expect(judge.judge(state, end + 601_000)).toMatchObject({ code: 'no-metrics', exhausted: true });
});

test('what was counted before the first soak counts for nothing; a breach that builds up goes on in the next one', () => {
  const judge = countedJudge(checkouts);
  const before = intervalOf({ g: [100, 100], b: [100, 0] }, -15, 0);
  expect(judge.observe(judge.start(0, facts), { ...before, to: 1_000 }).evidence).toEqual(
    judge.start(0, facts).evidence,
  );

  const { state } = watch(soak({ green: 0.01, blue: 0.01 }, 40, 6));
  const next = judge.nextSoak(state, 600_000, facts);
  expect(countedShares(next)).toEqual({ green: null, blue: null });
  expect(next.evidence.noise).toEqual(state.evidence.noise);
});

test('the state goes through JSON at any moment, and stays short', () => {
  const steps = soak({ green: 0.03, blue: 0.01 }, 40, 7);
  const judge = countedJudge(checkouts);
  let [state, carried] = [judge.start(0, facts), judge.start(0, facts)];
  for (const [index, step] of steps.entries()) {
    const interval = intervalOf(step, index * SECONDS, (index + 1) * SECONDS);
    state = judge.observe(state, interval);
    carried = judge.observe(JSON.parse(JSON.stringify(carried)) as CountedState, interval);
    expect(JSON.stringify(state).length).toBeLessThan(4_000);
  }
  expect(carried).toEqual(state);
});

test('all tests share one budget: with more of them each asks for more evidence', () => {
  const share = { green: 0.03, blue: 0.001 };
  const alone = watchSoak(soak(share, 150, 8), { rules: { limits: { errorRate: 0.02 } } });
  const among = watchSoak(soak(share, 150, 8), { rules: { limits: { errorRate: 0.02 }, furtherTests: 1e6 } });
  expect(alone.breachedAt).toBeDefined();
  expect(among.breachedAt ?? Infinity).toBeGreaterThan(alone.breachedAt ?? 0);
  expect(testsOf({ limit: 0.02 }) + testsOf({})).toBe(3);
  // Of a chance of 1 %, one of ten tests has a thousandth; the words say the chance that any of them is wrong.
  const judge = sequentialJudge({ ...evidenceRules, furtherTests: 8 });
  let state = judge.start(0, facts);
  for (let index = 0; state.breach === null && index < 40; index += 1)
    state = judge.observe(state, intervalOf({ g: [150, 20], b: [150, 0] }, index * 15, (index + 1) * 15));
  expect(Math.exp(Math.max(...(state.metrics.errors?.hard.whole ?? [])))).toBeGreaterThan(1_000);
});

test('of 200 healthy releases with errors and two further metrics no more than the budget are rolled back', () => {
  const random = seeded(11);
  const further = [
    { rules: { ...checkouts, tests: 5 }, perStep: 40, bad: 0.01 },
    { rules: { ...withoutLimit(checkouts), compare: 'answered' as const, tests: 5 }, perStep: 150, bad: 0.97 },
  ];
  let rolledBack = 0;
  for (let round = 0; round < 200; round += 1) {
    const draw = (bad: number, perStep: number) => soak({ green: bad, blue: bad }, perStep, Math.floor(random() * 1e9));
    const errors = watchSoak(draw(0.01, 150), { rules: { furtherTests: 3 } }).breachedAt;
    const others = further.map(({ rules, perStep, bad }) => watch(draw(bad, perStep), rules).breachedAt);
    if ([errors, ...others].some((at) => at !== undefined)) rolledBack += 1;
  }
  // 1 % of 200.
  expect(rolledBack).toBeLessThanOrEqual(2);
});

test('the history of blue tells how scattered bad events are', () => {
  const judge = countedJudge(checkouts);
  const history = Array.from({ length: 60 }, (_, minute) =>
    counts({ requests: 100, failed: minute % 10 === 0 ? 10 : 0 }),
  );
  expect(judge.start(0, { history }).evidence.noise.history).toBeGreaterThan(1.5);
});
