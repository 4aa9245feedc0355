import type { Counts, JudgeRules, Verdict } from '../runbook/plan.ts';
import { literalJudge } from './literal.ts';

/** Fresh counts of both versions between two readings, `from` (exclusive) to `to` (inclusive), epoch milliseconds. */
export interface Interval {
  readonly from: number;
  readonly to: number;
  readonly green: Counts;
  readonly blue: Counts;
}

/** What the judge thinks now. `reason` is for the person on call: words with the counts in them. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly reason: string;
}

/**
 * Turns counts into a verdict. Pure: no clock, no I/O; the state is plain JSON that survives a round trip at any
 * interval, so that another worker goes on where one stopped.
 */
export interface Judge<State> {
  /** The state before anything was seen, for a soak that begins at `at`. */
  start(at: number): State;
  /** A new soak begins: its proof of health starts afresh, while a breach that is building up goes on. */
  nextSoak(state: State, at: number): State;
  /** Takes in one interval. Intervals come in order and never overlap. */
  observe(state: State, interval: Interval): State;
  /** The verdict at `now`. Never `healthy` without fresh evidence of this soak (invariant 5). */
  judge(state: State, now: number): Judgement;
}

export type JudgeState = ReturnType<ReturnType<typeof createJudge>['start']>;

/** The judge for these rules. */
export function createJudge(rules: JudgeRules): ReturnType<typeof literalJudge> {
  switch (rules.rule) {
    case 'literal':
      return literalJudge(rules);
  }
}
