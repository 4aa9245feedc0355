import type { Interval, Judgement } from '../../src/judge/judgement.ts';
import { sequentialRules as rulesOf, type SequentialRules, type SoakFacts } from '../../src/judge/rules.ts';
import { type SequentialState, sequentialJudge } from '../../src/judge/sequential.ts';
import { counts } from './support.ts';

export const evidenceRules: SequentialRules = rulesOf({ limits: { errorRate: 0.05 }, pollMs: 15_000 });

/** An hour of blue before the shift: 1,000 requests a minute, one of which fails. */
const calmHistory = Array.from({ length: 60 }, () => counts({ requests: 1_000, failed: 1 }));
export const facts: SoakFacts = { soakMs: 600_000, greenShare: 0.5, history: calmHistory };

/** Of one interval: [requests, failed] of green and of blue; null: no reading came. */
export type Step = { readonly g: readonly [number, number]; readonly b: readonly [number, number] } & Pick<
  Interval,
  'greenDark' | 'greenRestarts'
>;

export const fine: Step = { g: [150, 0], b: [150, 0] };
export const failing: Step = { g: [150, 75], b: [150, 0] };

export function repeat(count: number, step: Step | null): (Step | null)[] {
  return Array.from({ length: count }, () => step);
}

interface Options {
  readonly rules?: Partial<SequentialRules>;
  readonly facts?: SoakFacts;
  readonly seconds?: number;
  /** Where to go on from, and at which second. */
  readonly from?: SequentialState;
  readonly at?: number;
}

export interface Watched {
  readonly state: SequentialState;
  readonly now: Judgement;
  /** The second at which it was breached. */
  readonly breachedAt: number | undefined;
  /** Every judgement, by the second. */
  readonly all: ReadonlyMap<number, Judgement>;
}

/** Watches a soak from second 0 on, asking after every interval, as the activity does. */
export function watchSoak(steps: readonly (Step | null)[], options: Options = {}): Watched {
  const { rules = {}, seconds = 15, at = 0 } = options;
  const judge = sequentialJudge({ ...evidenceRules, pollMs: seconds * 1_000, ...rules });
  let state = options.from ?? judge.start(0, options.facts ?? facts);
  let from = at;
  let breachedAt: number | undefined;
  const all = new Map<number, Judgement>();
  steps.forEach((step, index) => {
    const t = at + (index + 1) * seconds;
    if (step) {
      state = judge.observe(state, intervalOf(step, from, t));
      from = t;
    }
    const now = judge.judge(state, t * 1_000);
    all.set(t, now);
    if (now.verdict === 'breached') breachedAt ??= t;
  });
  return { state, breachedAt, all, now: judge.judge(state, (at + steps.length * seconds) * 1_000) };
}

export function intervalOf({ g, b, ...more }: Step, from: number, to: number): Interval {
  const [requests, failed] = g;
  return {
    from: from * 1_000,
    to: to * 1_000,
    green: counts({ requests, failed }),
    blue: counts({ requests: b[0], failed: b[1] }),
    ...more,
  };
}

/** Pseudo-random numbers from a seed (mulberry32), since a simulation must not change between runs. */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function poisson(mean: number, random: () => number): number {
  if (mean > 60) {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
  }
  const end = Math.exp(-mean);
  let count = 0;
  for (let product = random(); product > end; product *= random()) count += 1;
  return count;
}

/** Bad requests among `n`, in clusters of `size` on average. */
export function clustered(n: number, share: number, size: number, random: () => number): number {
  if (size <= 1) return Math.min(n, poisson(n * share, random));
  let bad = 0;
  for (let left = poisson((n * share) / size, random); left > 0; left -= 1) bad += 1 + poisson(size - 1, random);
  return Math.min(n, bad);
}
