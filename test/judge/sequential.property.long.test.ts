import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { addEvidence, logEvidence, newEProcess } from '../../src/judge/e-process.ts';
import type { Interval } from '../../src/judge/judgement.ts';
import { comparisonEvidence, hardEvidence, LIMIT_ALTERNATIVES, RATIOS } from '../../src/judge/likelihood-ratios.ts';
import type { Counts } from '../../src/judge/rules.ts';
import { type SequentialState, sequentialJudge } from '../../src/judge/sequential.ts';
import { logGamma } from '../../src/judge/special-functions.ts';
import { everything } from '../chaos/support/seed.ts';
import { clustered, poisson, seeded } from '../support/random.ts';
import { evidenceRules, facts, type Step, watchSoak } from './sequential-support.ts';
import { counts, someIntervals } from './support.ts';

const limits = { errorRate: 0.05, latency: { quantile: 0.95, underMs: 500 } };
const judge = sequentialJudge({ ...evidenceRules, limits, pollMs: 5_000, staleMs: 60_000 });
const known = { ...facts, soakMs: 120_000 };
const after = (seen: readonly Interval[], from: SequentialState = judge.start(0, known)) =>
  seen.reduce((state, interval) => judge.observe(state, interval), from);
const end = (seen: readonly Interval[]) => seen.at(-1)?.to ?? 0;
const verdictOf = (seen: readonly Interval[]) => judge.judge(after(seen), end(seen)).verdict;

/** A soak of 40 intervals with steady shares and Poisson traffic. */
interface Steady {
  readonly perInterval: number;
  readonly green: number;
  readonly blue: number;
  readonly clusters?: number;
}

function steps({ perInterval, green, blue, clusters = 1 }: Steady, random: () => number, count = 40): Step[] {
  return Array.from({ length: count }, () => {
    const [ng, nb] = [poisson(perInterval, random), poisson(perInterval, random)];
    return { g: [ng, clustered(ng, green, clusters, random)], b: [nb, clustered(nb, blue, clusters, random)] };
  });
}

const nulls: readonly (Steady & { readonly name: string; readonly most: number })[] = [
  { name: '0.1 % of 150 requests', perInterval: 150, green: 0.001, blue: 0.001, most: 1 },
  { name: '1 % of 150 requests', perInterval: 150, green: 0.01, blue: 0.01, most: 2 },
  { name: '1 % of 1,500 requests', perInterval: 1_500, green: 0.01, blue: 0.01, most: 2 },
  { name: '4 % of 150 requests, the limit at 5 %', perInterval: 150, green: 0.04, blue: 0.04, most: 4 },
  { name: '1 % of 750 requests, five at a time', perInterval: 750, green: 0.01, blue: 0.01, clusters: 5, most: 4 },
  {
    name: '1 % of 1,500 requests, twenty at a time',
    perInterval: 1_500,
    green: 0.01,
    blue: 0.01,
    clusters: 20,
    most: 4,
  },
  { name: 'green better: 0.5 % against 2 %', perInterval: 750, green: 0.005, blue: 0.02, most: 0 },
];

/** CI does with the first third of them. */
const RELEASES = everything ? 300 : 100;

test.each(nulls)(`of ${RELEASES} healthy releases with $name at most $most are rolled back`, ({ most, ...steady }) => {
  const random = seeded(29);
  let rolledBack = 0;
  for (let soak = 0; soak < RELEASES; soak += 1) {
    const history = Array.from({ length: 60 }, () => {
      const requests = poisson(steady.perInterval * 8, random);
      return counts({ requests, failed: clustered(requests, steady.blue, steady.clusters ?? 1, random) });
    });
    if (watchSoak(steps(steady, random), { facts: { ...facts, history } }).breachedAt !== undefined) rolledBack += 1;
  }
  expect(rolledBack).toBeLessThanOrEqual(most);
});

test('the evidence itself keeps its promise: on average at most 1, and at 20 in at most one soak of 20, ever', () => {
  const random = seeded(3);
  const soaks = 1_000;
  const found = { hard: { total: 0, reached: 0 }, comparison: { total: 0, reached: 0 } };
  for (let soak = 0; soak < soaks; soak += 1) {
    const proofs = { hard: newEProcess(LIMIT_ALTERNATIVES), comparison: newEProcess(RATIOS.length) };
    const highest = { hard: 0, comparison: 0 };
    for (let i = 0; i < 40; i += 1) {
      // The common share moves as it likes, up to half of the limit; the split moves, too.
      const share = 0.025 * random();
      const [greenAll, blueAll] = [poisson(10 + 50 * random(), random), poisson(40, random)];
      const greenBad = binomial(greenAll, share, random);
      const pair = { greenAll, greenBad, blueAll, blueBad: binomial(blueAll, share, random) };
      const ratios = { hard: hardEvidence(pair, 0.05, 1), comparison: comparisonEvidence(pair, 1) };
      for (const part of ['hard', 'comparison'] as const) {
        proofs[part] = addEvidence(proofs[part], ratios[part], { ms: 15_000, scaleMs: 600_000, burstMs: 5_000 });
        highest[part] = Math.max(highest[part], logEvidence(proofs[part]));
      }
    }
    for (const part of ['hard', 'comparison'] as const) {
      // Cut off: a mean of so heavy a tail would need millions of soaks.
      found[part].total += Math.min(50, Math.exp(logEvidence(proofs[part])));
      if (highest[part] >= Math.log(20)) found[part].reached += 1;
    }
  }
  for (const { total, reached } of Object.values(found)) {
    expect(total / soaks).toBeLessThan(1.05);
    expect(reached / soaks).toBeLessThan(0.05);
  }
});

test('what the evidence against the limit is expected to be is at most 1, whatever the split and both shares are', () => {
  const chance = (n: number, p: number) =>
    Array.from({ length: n + 1 }, (_, k) => Math.exp(logChoose(n, k)) * p ** k * (1 - p) ** (n - k));
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const sizes = fc.tuple(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 40 }));
  fc.assert(
    fc.property(sizes, share, share, fc.constantFrom(0.01, 0.05, 0.3), ([greenAll, blueAll], part, more, limit) => {
      for (const [against, most] of [
        ['guarded', limit / 2],
        ['beside', limit],
        ['alone', limit],
      ] as const) {
        const ofGreen = part * most;
        const ofBlue = ofGreen + more * (1 - ofGreen); // no better than green
        const expected = Array.from({ length: LIMIT_ALTERNATIVES }, () => 0);
        for (const [greenBad, green] of chance(greenAll, ofGreen).entries())
          for (const [blueBad, blue] of chance(blueAll, ofBlue).entries()) {
            const ratios = hardEvidence({ greenAll, greenBad, blueAll, blueBad }, limit, 1)[against];
            ratios.forEach((ratio, k) => {
              expected[k] = (expected[k] ?? 0) + green * blue * Math.exp(ratio);
            });
          }
        expect(Math.max(...expected)).toBeLessThanOrEqual(1 + 1e-9);
      }
    }),
    { seed: 6, numRuns: 100 },
  );
});

function logChoose(n: number, k: number): number {
  return logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
}

function binomial(n: number, p: number, random: () => number): number {
  let hits = 0;
  for (let i = 0; i < n; i += 1) if (random() < p) hits += 1;
  return hits;
}

test('another worker goes on at any interval as if nothing had happened, and the state stays short', () => {
  fc.assert(
    fc.property(someIntervals, fc.nat(), (seen, cut) => {
      const at = seen.length === 0 ? 0 : cut % seen.length;
      const carried: SequentialState = JSON.parse(JSON.stringify(after(seen.slice(0, at))));
      const resumed = after(seen.slice(at), carried);
      expect(resumed).toEqual(after(seen));
      expect(judge.judge(resumed, end(seen))).toEqual(judge.judge(after(seen), end(seen)));
      expect(JSON.stringify(carried).length).toBeLessThan(6_000);
    }),
    { seed: 1, numRuns: 150 },
  );
});

test('more bad requests of green never turn a rollback into health', () => {
  const harm = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 40, maxLength: 40 });
  let rollbacks = 0;
  fc.assert(
    fc.property(someIntervals, harm, (seen, more) => {
      if (verdictOf(seen) !== 'breached') return;
      rollbacks += 1;
      const worse = seen.map((interval, index): Interval => {
        const { requests, failed, slow } = interval.green;
        const extra = Math.round((requests - failed) * (more[index] ?? 0));
        return { ...interval, green: { requests, failed: failed + extra, slow } };
      });
      expect(verdictOf(worse)).not.toBe('healthy');
    }),
    { seed: 2, numRuns: 200 },
  );
  expect(rollbacks).toBeGreaterThan(20);
});

test('a reading that is cut into shorter ones than a slot is judged just the same', () => {
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom(0, 0.02, 0.06, 0.3), (seed, green) => {
      const random = seeded(seed);
      const whole = steps({ perInterval: 150, green, blue: 0.001 }, random, 20);
      const options = { seconds: 5, rules: { pollMs: 15_000 } };
      const cut = whole.flatMap(({ g, b }): Step[] =>
        [0, 1, 2].map((part) => ({
          g: [third(g[0], part), third(g[1], part)],
          b: [third(b[0], part), third(b[1], part)],
        })),
      );
      const [once, often] = [watchSoak(whole), watchSoak(cut, options)];
      const { run: _, ...evidence } = once.state;
      expect(often.state).toMatchObject(evidence);
      expect(often.now.verdict).toBe(once.now.verdict);
      expect(often.breachedAt).toBe(once.breachedAt);
    }),
    { seed: 3, numRuns: 100 },
  );
});

function third(count: number, part: number): number {
  return Math.floor((count + part) / 3);
}

test('missed polls do not turn the verdict on a steady release around', () => {
  // A fault that lasts no longer than the polls that are missed looks like a burst: that is what patience means, and why
  // this holds for what is steady only.
  const merges = fc.array(fc.boolean(), { minLength: 20, maxLength: 20 });
  const shares = fc.constantFrom([0.001, 0.001], [0.01, 0.01], [0.03, 0.001], [0.1, 0.001], [0.5, 0.01]);
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.integer(), merges, shares, (seed, merged, [green = 0, blue = 0]) => {
      const every = steps({ perInterval: 300, green, blue }, seeded(seed));
      const some = every.flatMap((step, index): (Step | null)[] => {
        if (!merged[Math.floor(index / 2)]) return [step];
        const before = every[index - 1];
        return index % 2 === 0 || !before ? [null] : [sum(before, step)];
      });
      const verdicts = [watchSoak(every), watchSoak(some)].map(({ now }) => now.verdict);
      expect(verdicts.toSorted()).not.toEqual(['breached', 'healthy']);
      for (const verdict of verdicts) seen.add(verdict);
    }),
    { seed: 4, numRuns: 150 },
  );
  expect([...seen].toSorted()).toEqual(expect.arrayContaining(['breached', 'healthy']));
});

function sum(a: Step, b: Step): Step {
  return { g: [a.g[0] + b.g[0], a.g[1] + b.g[1]], b: [a.b[0] + b.b[0], a.b[1] + b.b[1]] };
}

test('the order of metrics is irrelevant, and a metric without a bad request takes no part', () => {
  const swapped = sequentialJudge({ ...evidenceRules, limits, pollMs: 5_000, staleMs: 60_000 });
  const reversed = (state: SequentialState): SequentialState => ({
    ...state,
    metrics: Object.fromEntries(Object.entries(state.metrics).toReversed()),
  });
  fc.assert(
    fc.property(someIntervals, (seen) => {
      const straight = judge.judge(after(seen), end(seen));
      const back = seen.reduce(
        (state, interval) => reversed(swapped.observe(state, interval)),
        reversed(swapped.start(0, known)),
      );
      expect(swapped.judge(back, end(seen))).toEqual(straight);

      const noSlow = (of: Counts): Counts => ({ ...of, slow: 0 });
      const noFailed = (of: Counts): Counts => ({ ...of, failed: 0, slow: of.failed });
      const asErrors = verdictOf(seen.map((one) => ({ ...one, green: noSlow(one.green), blue: noSlow(one.blue) })));
      const asLatency = verdictOf(
        seen.map((one) => ({ ...one, green: noFailed(one.green), blue: noFailed(one.blue) })),
      );
      // Only the least difference worth a rollback is not the same for both; these are all larger.
      expect(asLatency).toBe(asErrors);
    }),
    { seed: 5, numRuns: 150 },
  );
});
