import type { Interval, Judgement } from '../../src/judge/judgement.ts';
import { sequentialRules as rulesOf, type SequentialRules, type SoakFacts } from '../../src/judge/rules.ts';
import { type SequentialState, sequentialJudge } from '../../src/judge/sequential.ts';
import { counts } from './support.ts';

export const evidenceRules: SequentialRules = rulesOf({ limits: { errorRate: 0.05 }, pollMs: 15_000 });

/** An hour of blue before the shift: 1,000 requests a minute, one of which fails. */
const calmHistory = Array.from({ length: 60 }, () => counts({ requests: 1_000, failed: 1 }));
/** A page has no past. */
export const withoutHistory: SoakFacts = { soakMs: 600_000, greenShare: 0.5 };
export const facts: SoakFacts = { ...withoutHistory, history: calmHistory };

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
