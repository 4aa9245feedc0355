import { expect, test } from '@jest/globals';
import { addEvidence, type EProcess, evidenceBeyondBurst, newEProcess } from '../../src/judge/e-process.ts';
import { hardEvidence, LIMIT_ALTERNATIVES } from '../../src/judge/likelihood-ratios.ts';
import type { SoakFacts } from '../../src/judge/rules.ts';
import { sequentialJudge } from '../../src/judge/sequential.ts';
import { clustered, poisson, seeded } from '../support/random.ts';
import { evidenceRules, facts, fine, repeat, type Step, watchSoak, withoutHistory } from './sequential-support.ts';

/** A burst within the burst tolerance, and a failure that lasts: docs/judge.md. */

interface Trouble {
  readonly seconds: number;
  readonly share: number;
  readonly lastsSeconds: number;
  readonly usual?: number;
  readonly soak?: SoakFacts;
}

/** Seconds from the trouble's start to the rollback; at 20 requests a second, half of them on green. */
function rolledBackAfter(
  { seconds, share, lastsSeconds, usual = 0.001, soak = facts }: Trouble,
  random: () => number,
): number {
  const from = 80 + random() * 30;
  const bad = (n: number, p: number) => Math.min(n, poisson(n * p, random));
  const steps = Array.from({ length: Math.ceil(170 / seconds) }, (_, index): Step => {
    const covered = Math.min((index + 1) * seconds, from + lastsSeconds) - Math.max(index * seconds, from);
    const [inside, outside] = [10 * Math.max(0, covered), 10 * (seconds - Math.max(0, covered))];
    const [worse, rest] = [poisson(inside, random), poisson(outside, random)];
    const failed = (share === 1 ? worse : bad(worse, share)) + bad(rest, usual);
    const blue = poisson(10 * seconds, random);
    return { g: [worse + rest, failed], b: [blue, bad(blue, usual)] };
  });
  return (watchSoak(steps, { seconds, facts: soak }).breachedAt ?? Infinity) - from;
}

const settings = [1, 5].flatMap((seconds) => [
  { seconds, past: 'an hour of blue', soak: facts },
  { seconds, past: 'no history', soak: withoutHistory },
]);

test.each(settings)(
  'read every $seconds s, of 60 complete failures of 5 to 5.2 s none is rolled back, with $past',
  ({ seconds, soak }) => {
    const random = seeded(17);
    const all = Array.from({ length: 60 }, () => {
      return rolledBackAfter({ seconds, share: 1, lastsSeconds: 5 + 0.2 * random(), soak }, random);
    });
    expect(all.filter((after) => after < Infinity)).toEqual([]);
  },
);

test.each([
  { seconds: 1, share: 0.2, most: 8.2 },
  { seconds: 1, share: 1, most: 7.5 },
  { seconds: 5, share: 0.2, most: 14.8 },
  { seconds: 5, share: 1, most: 11 },
])('read every $seconds s, half of the faults of $share are found in $most s, with a history or without', (fault) => {
  for (const soak of [facts, withoutHistory]) {
    const random = seeded(23);
    const all = Array.from({ length: 81 }, () => rolledBackAfter({ ...fault, soak, lastsSeconds: 60 }, random));
    expect(all.toSorted((a, b) => a - b)[40]).toBeLessThanOrEqual(fault.most);
  }
});

test('long after a burst green does not look worse for good, though it may have had more of the few failed requests since', () => {
  const random = seeded(31);
  const steps = (count: number, ofGreen: (requests: number) => number): Step[] =>
    Array.from({ length: count }, () => {
      const [green, blue] = [poisson(10, random), poisson(10, random)];
      return { g: [green, ofGreen(green)], b: [blue, Math.min(blue, poisson(0.001 * blue, random))] };
    });
  const usual = (requests: number) => Math.min(requests, poisson(0.001 * requests, random));
  for (let soak = 0; soak < 40; soak += 1) {
    const burst = steps(5, (requests) => requests);
    const { state, breachedAt } = watchSoak([...steps(60, usual), ...burst, ...steps(535, usual)], { seconds: 1 });
    expect(breachedAt).toBeUndefined();
    expect(state.metrics.errors).toMatchObject({ lasting: false });
  }
});

/** Of [requests, bad] in a row, with bursts of up to three slots. */
function seen(...slots: readonly (readonly [number, number])[]): EProcess {
  return slots.reduce((proof, [greenAll, greenBad]) => {
    const ratios = hardEvidence({ greenAll, greenBad, blueAll: 0, blueBad: 0 }, 0.05, 1);
    return addEvidence(proof, ratios, { ms: 1_000, scaleMs: 600_000, burstMs: 2_000 });
  }, newEProcess(LIMIT_ALTERNATIVES));
}

test('what a burst explains as well as anything else does not last', () => {
  expect(evidenceBeyondBurst(seen([10, 10], [10, 10], [10, 10]))).toBe(0);
  expect(evidenceBeyondBurst(seen([10, 0], [10, 4], [10, 10], [10, 6], [10, 0]))).toBeLessThanOrEqual(0);
});

test('a few bad requests beside a complete failure do not make it a lasting one, beside a partial one they do', () => {
  expect(evidenceBeyondBurst(seen([10, 2], [10, 10], [10, 10], [10, 10]))).toBeLessThanOrEqual(0);
  expect(evidenceBeyondBurst(seen([10, 2], [10, 2], [10, 2], [10, 2], [10, 2]))).toBeGreaterThan(Math.log(3));
});

test('a burst that is long over is forgotten: what lasts afterwards is found', () => {
  const burst: Step = { g: [150, 60], b: [150, 0] };
  const fault: Step = { g: [150, 30], b: [150, 0] };
  const { breachedAt } = watchSoak([...repeat(4, fine), burst, ...repeat(20, fine), ...repeat(8, fault)]);
  expect(breachedAt).toBeGreaterThan(25 * 15);
  expect(breachedAt).toBeLessThanOrEqual(30 * 15);
});

test('a burst that was tolerated at 50 % does not keep the soak at 100 % from being healthy', () => {
  const random = seeded(57);
  const usual = (n: number) => clustered(n, 0.004, 1, random);
  for (let round = 0; round < 60; round += 1) {
    const half = Array.from({ length: 200 }, (_, second): Step => {
      const [green, blue] = [poisson(10, random), poisson(10, random)];
      const isBurst = second >= 50 && second < 55;
      return { g: [green, isBurst ? green : usual(green)], b: [blue, usual(blue)] };
    });
    const all = Array.from({ length: 90 }, (): Step => {
      const green = poisson(20, random);
      return { g: [green, usual(green)], b: [0, 0] };
    });
    const first = watchSoak(half, { seconds: 1, facts: withoutHistory });
    const judge = sequentialJudge({ ...evidenceRules, pollMs: 1_000 });
    const from = judge.nextSoak(first.state, 200_000, { soakMs: 30_000, greenShare: 1 });
    const second = watchSoak(all, { seconds: 1, from, at: 200 });
    expect(second.breachedAt).toBeUndefined();
    expect([...second.all].some(([t, { verdict }]) => t >= 230 && verdict === 'healthy')).toBe(true);
  }
});
