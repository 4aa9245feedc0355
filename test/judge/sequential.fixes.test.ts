import { expect, test } from '@jest/globals';
import { clustered, seeded } from '../support/random.ts';
import { facts, failing, fine, repeat, type Step, watchSoak } from './sequential-support.ts';
import { counts } from './support.ts';

/** Eleven faults of an earlier judge, found on thousands of recorded and simulated soaks. The numbers are those of the faults. */

const both = (share: number): Step => ({ g: [1_500, 1_500 * share], b: [1_500, 1_500 * share] });

test('1. blue bad before, green fixes it: never rolled back; after maxBlueUnhealthy a person decides', () => {
  const fixes: Step = { g: [1_500, 15], b: [1_500, 120] };
  const { now, breachedAt } = watchSoak(repeat(42, fixes));
  expect(breachedAt).toBeUndefined();
  expect(now).toMatchObject({ verdict: 'inconclusive', code: 'blue-unhealthy', exhausted: true });
  expect(now.reason).toMatch(
    /blue is over the limit itself: green failed 60 of 6,000 requests \(1 %\) in 60 s.*blue 480 of 6,000/,
  );
  expect(now.reason).toMatch(/already, and a rollback to blue may not help$/);
});

test('2. hold suspends the threshold rule, too: both at 8 % for five minutes is nobody but the world', () => {
  const { now, breachedAt } = watchSoak([...repeat(8, fine), ...repeat(20, both(0.08))]);
  expect(breachedAt).toBeUndefined();
  expect(now).toMatchObject({ verdict: 'inconclusive', code: 'blue-unhealthy' });
  expect(now).not.toHaveProperty('exhausted');
});

test('2. but a green that is worse than a bad blue is rolled back', () => {
  const worse: Step = { g: [1_500, 360], b: [1_500, 120] };
  const { now, breachedAt } = watchSoak(repeat(6, worse));
  expect(breachedAt).toBeLessThanOrEqual(60);
  expect(now).toMatchObject({ code: 'worse-than-blue' });
});

test('3. an incident in the history is no dispersion: .1 -> 2 % is found all the same', () => {
  const history = Array.from({ length: 60 }, (_, minute) =>
    counts({ requests: 3_000, failed: minute >= 20 && minute < 30 ? 240 : 3 }),
  );
  const regression: Step = { g: [750, 15], b: [750, 1] };
  expect(watchSoak(repeat(12, regression), { facts: { ...facts, history } }).breachedAt).toBeLessThanOrEqual(75);
});

/** How many of 40 soaks with the same clusters in both versions are rolled back. */
function falselyRolledBack(history: boolean): number {
  const random = seeded(11);
  let rolledBack = 0;
  for (let soak = 0; soak < 40; soak += 1) {
    const one = (): [number, number] => [750, clustered(750, 0.01, 20, random)];
    const steps = Array.from({ length: 40 }, (): Step => ({ g: one(), b: one() }));
    const past = Array.from({ length: 60 }, () =>
      counts({ requests: 6_000, failed: clustered(6_000, 0.01, 20, random) }),
    );
    const { history: _, ...known } = facts;
    if (watchSoak(steps, { facts: history ? { ...facts, history: past } : known }).breachedAt !== undefined)
      rolledBack += 1;
  }
  return rolledBack;
}

test('3. and clusters are: with 20 failures at a time, the same in both versions, hardly one of 40 is rolled back', () => {
  expect(falselyRolledBack(true)).toBeLessThanOrEqual(1);
});

test('4. no history is not "no clusters": the soak itself shows them', () => {
  expect(falselyRolledBack(false)).toBeLessThanOrEqual(2);
  // Nor does it make the judge blind: it asks for more.
  const { history: _, ...unknown } = facts;
  const worse: Step = { g: [750, 12], b: [750, 1] };
  const at = (known: typeof facts) => watchSoak(repeat(20, worse), { facts: known }).breachedAt ?? Infinity;
  expect(at(facts)).toBeLessThan(at(unknown));
  expect(at(unknown)).toBeLessThan(Infinity);
});

test('5. healthy needs a quiet end: half of green failing in the last interval does not pass', () => {
  const { now } = watchSoak([...repeat(39, fine), failing]);
  expect(now).toMatchObject({ verdict: 'inconclusive', code: 'suspected' });
  expect(now.reason).toMatch(/^green failed 75 of/);
});

test('5. nor does a last minute at 6 %, where the whole soak is proven to be under 5 %', () => {
  const six: Step = { g: [150, 9], b: [150, 0] };
  expect(watchSoak([...repeat(36, fine), ...repeat(4, six)]).now.verdict).not.toBe('healthy');
});

test('5. nor does evidence against green that is not enough for a rollback', () => {
  const odd: Step = { g: [150, 3], b: [150, 0] };
  const { now, breachedAt } = watchSoak([...repeat(37, fine), ...repeat(3, odd)]);
  expect(breachedAt).toBeUndefined();
  expect(now).toMatchObject({ verdict: 'inconclusive', code: 'suspected' });
  expect(now.reason).toMatch(/green looks worse than blue, but it is not proven$/);
});

test('5. but a burst that is long over is forgiven: such a soak can pass', () => {
  const burst: Step = { g: [150, 50], b: [150, 0] };
  expect(watchSoak([...repeat(10, fine), burst, ...repeat(29, fine)]).now.verdict).toBe('healthy');
});

test('6. a router that needs time after the shift is given it', () => {
  const notYet: Step = { g: [0, 0], b: [1_500, 0] };
  expect(watchSoak([...repeat(4, notYet), ...repeat(4, fine)]).breachedAt).toBeUndefined();
  const { now, breachedAt } = watchSoak(repeat(5, notYet));
  expect(breachedAt).toBe(75);
  expect(now.reason).toMatch(
    /^green had no request in the 75 s since the shift, while blue had 7,500; about 7,500 were to be expected of green: /,
  );
});

test('6. the split seen so far counts, not the one that was set', () => {
  const uneven: Step = { g: [2, 0], b: [18, 0] };
  const unlucky: Step = { g: [0, 0], b: [18, 0] };
  expect(watchSoak([...repeat(10, uneven), unlucky, ...repeat(5, uneven)]).breachedAt).toBeUndefined();
});

test('7. a wrong split is seen, said, and not believed in, but not rolled back', () => {
  const two: Step = { g: [30, 0], b: [1_470, 0] };
  const { now, breachedAt } = watchSoak(repeat(40, two));
  expect(breachedAt).toBeUndefined();
  expect(now).toMatchObject({ verdict: 'inconclusive', code: 'wrong-traffic-split' });
  expect(now.reason).toBe(
    'green gets 2 % of the requests, but 50 % were set: what is seen is not the split that was planned',
  );
  const roughly: Step = { g: [600, 0], b: [900, 0] };
  expect(watchSoak(repeat(40, roughly)).now.verdict).toBe('healthy');
});

test('8. hold does not lag: the first interval of a shared incident is held already', () => {
  const { all } = watchSoak([...repeat(8, fine), both(0.5)], { seconds: 5 });
  expect(all.get(45)).toMatchObject({ code: 'blue-unhealthy' });
  expect(watchSoak([...repeat(8, fine), ...repeat(24, both(0.5))], { seconds: 5 }).breachedAt).toBeUndefined();
});

test('9. blind for longer than its budget ends inconclusive, not in a rollback', () => {
  const { now } = watchSoak([...repeat(8, fine), ...repeat(60, null)]);
  expect(now).toMatchObject({ verdict: 'inconclusive', code: 'no-metrics', exhausted: true });
});

test('10. after a burst the comparison looks at the last two minutes: a little noise later is no breach', () => {
  const burst: Step = { g: [1_500, 700], b: [1_500, 0] };
  const noise: Step = { g: [1_500, 3], b: [1_500, 3] };
  expect(watchSoak([...repeat(10, noise), burst, ...repeat(29, noise)]).breachedAt).toBeUndefined();
});

test('11. patience: a burst within it is no breach, one beyond it is, and a short patience finds a gross fault in under 10 s', () => {
  const second: Step = { g: [10, 0], b: [10, 0] };
  const down: Step = { g: [10, 10], b: [10, 0] };
  const at = (seconds: number, burstToleranceMs: number) =>
    watchSoak([...repeat(60, second), ...repeat(seconds, down), ...repeat(60, second)], {
      seconds: 1,
      rules: { burstToleranceMs },
    }).breachedAt;
  expect(at(5, 5_000)).toBeUndefined();
  expect(at(20, 5_000)).toBeLessThanOrEqual(69);
  expect(at(10, 10_000)).toBeUndefined();
  expect(at(30, 10_000)).toBeLessThanOrEqual(75);
});
