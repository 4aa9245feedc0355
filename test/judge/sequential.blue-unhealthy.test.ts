import { expect, test } from '@jest/globals';
import type { SequentialRules } from '../../src/judge/rules.ts';
import { poisson, seeded } from '../support/random.ts';
import { evidenceRules, facts, repeat, type Step, watchSoak } from './sequential-support.ts';
import { counts } from './support.ts';

/** Hold is for incidents that both versions share, not for three bad requests of fifty. */

const SOAKS = 50;

/** How many of 50 healthy soaks of 10 minutes, at 7 requests a second in all, are not healthy at their end. */
function notHealthy(share: number, seconds: number, limits: SequentialRules['limits']): number {
  const random = seeded(5);
  const some = (mean: number): [number, number] => {
    const requests = poisson(mean, random);
    return [requests, Math.min(requests, poisson(requests * share, random))];
  };
  let unsure = 0;
  for (let soak = 0; soak < SOAKS; soak += 1) {
    const history = Array.from({ length: 60 }, () => {
      const [requests, failed] = some(420);
      return counts({ requests, failed });
    });
    const steps = Array.from(
      { length: 600 / seconds },
      (): Step => ({ g: some(3.5 * seconds), b: some(3.5 * seconds) }),
    );
    const { now } = watchSoak(steps, { seconds, rules: { limits }, facts: { ...facts, history } });
    if (now.verdict !== 'healthy') unsure += 1;
  }
  return unsure;
}

test.each([
  { share: 0.01, seconds: 15, most: 2 },
  { share: 0.02, seconds: 15, most: 3 },
  { share: 0.03, seconds: 15, most: 10 },
  { share: 0.01, seconds: 5, most: 2 },
  { share: 0.02, seconds: 5, most: 4 },
])(
  'with $share of a limit of 0.05, read every $seconds s, at most $most of 50 quiet soaks are extended',
  ({ share, seconds, most }) => {
    expect(notHealthy(share, seconds, evidenceRules.limits)).toBeLessThanOrEqual(most);
  },
);

test('a reading of blue that is over the limit by luck does not stop the clock', () => {
  const unlucky: Step = { g: [50, 0], b: [50, 3] };
  const quiet: Step = { g: [50, 0], b: [50, 0] };
  const { all, now } = watchSoak([...repeat(10, quiet), unlucky, ...repeat(29, quiet)]);
  expect(all.get(165)).toMatchObject({ code: 'insufficient-data' });
  expect(now.verdict).toBe('healthy');
});

test('nor does it make a green that fails look good', () => {
  const both: Step = { g: [50, 25], b: [50, 3] };
  expect(watchSoak(repeat(4, both)).breachedAt).toBeDefined();
});

test('an incident of both versions extends the soak while blue is young, and without history', () => {
  const random = seeded(14);
  const some = (share: number): [number, number] => {
    const requests = poisson(50, random);
    return [requests, Math.min(requests, poisson(requests * share, random))];
  };
  // 20 requests a second, half on green; both fail 8 % for two minutes, half a minute after the shift.
  const heldFor = Array.from({ length: SOAKS }, () => {
    const steps = Array.from({ length: 60 }, (_, index): Step => {
      const share = index >= 6 && index < 30 ? 0.08 : 0.001;
      return { g: some(share), b: some(share) };
    });
    const { all, breachedAt } = watchSoak(steps, { seconds: 5, facts: { soakMs: 270_000, greenShare: 0.5 } });
    expect(breachedAt).toBeUndefined();
    return 5 * [...all.values()].filter(({ code }) => code === 'blue-unhealthy').length;
  }).sort((a, b) => a - b);
  expect(heldFor[SOAKS / 10]).toBeGreaterThanOrEqual(30);
  expect(heldFor[SOAKS / 2]).toBeGreaterThanOrEqual(60);
});

test('a reading that cannot be luck stops it at once, and so does a minute', () => {
  const gross: Step = { g: [50, 10], b: [50, 10] };
  expect(watchSoak(repeat(1, gross)).now).toMatchObject({ code: 'blue-unhealthy' });
  const mild: Step = { g: [150, 14], b: [150, 14] };
  expect(watchSoak(repeat(4, mild)).now).toMatchObject({ code: 'blue-unhealthy' });
});

test('a few bad requests in the last reading do not undo a soak, half of green failing does', () => {
  const quiet: Step = { g: [20, 0], b: [20, 0] };
  expect(watchSoak([...repeat(39, quiet), { g: [17, 2], b: [17, 0] }]).now.verdict).toBe('healthy');
  expect(watchSoak([...repeat(39, quiet), { g: [20, 10], b: [20, 0] }]).now.verdict).not.toBe('healthy');
});
