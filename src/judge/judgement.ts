import type { Counts, SoakFacts, Verdict } from './rules.ts';

/** Fresh counts of both versions between two readings, `from` (exclusive) to `to` (inclusive), epoch milliseconds. */
export interface Interval {
  readonly from: number;
  readonly to: number;
  readonly green: Counts;
  readonly blue: Counts;
  /** How often each of green's targets (by any stable name) restarted in it. */
  readonly greenRestarts?: Readonly<Record<string, number>>;
  /** Green's targets did not report in it while blue's did: green's counts are missing, which is not the same as 0. */
  readonly greenDark?: true;
}

/** Why the judge thinks so, for policies; people read the reason. */
export type VerdictCode =
  /** Breached: a limit taken at its word, proof against a limit, worse than blue. */
  | 'batches-over-limit'
  | 'limit-exceeded'
  | 'worse-than-blue'
  /** Breached: the condition of a further metric was broken for too long. */
  | 'condition-broken'
  /** Breached: green's targets do not report, it gets no traffic, it keeps restarting. */
  | 'targets-down'
  | 'no-green-traffic'
  | 'restarting'
  /** Inconclusive: no metrics, no traffic, blue itself over a limit, green's share of the traffic is not the one set. */
  | 'no-metrics'
  | 'no-traffic'
  | 'blue-unhealthy'
  | 'wrong-traffic-split'
  /** Inconclusive: green is healthy, but blue still gets requests at 100 %. */
  | 'blue-has-traffic'
  /** Inconclusive: something may be wrong, or health is not proven yet. */
  | 'suspected'
  | 'insufficient-data';

/** What the judge thinks now. `reason` is for the person on call: words with the counts in them. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly code?: VerdictCode;
  /** It has lasted longer than its budget: waiting on will not help, a person decides. */
  readonly exhausted?: true;
  /** How much more time the proof of health needs, if all goes on as it does, where that can be said. */
  readonly missingMs?: number;
}

/**
 * Turns counts into a verdict. Pure: no clock, no I/O; the state is plain JSON that survives a round trip at any
 * interval, so that another worker goes on where one stopped.
 */
export interface Judge<State> {
  /** Whether this judge can go on with a state: not with one of a build that kept other things. */
  canContinue(state: State): boolean;
  /** The state before anything was seen, for a soak that begins at `at`. */
  start(at: number, facts?: SoakFacts): State;
  /** The traffic was moved by somebody else, and is set right at `at`: a router may need time, as after any shift. */
  setRight?(state: State, at: number): State;
  /** A new soak begins: its proof of health starts afresh, while a breach that is building up goes on. */
  nextSoak(state: State, at: number, facts?: SoakFacts): State;
  /**
   * Takes in one interval. Intervals come in order and never overlap. One that begins before the soak does (a shift was
   * under way) counts neither for green's health nor for the soak's time and traffic; against green it counts if green had
   * customers before that shift.
   */
  observe(state: State, interval: Interval): State;
  /** The verdict at `now`. Never `healthy` without fresh evidence of this soak (invariant 5). */
  judge(state: State, now: number): Judgement;
}

/** The same after a reading that failed: what was seen before it says nothing about now, so it proves no health. */
export function unread<Seen extends Judgement>(judgement: Seen): Seen {
  if (judgement.verdict !== 'healthy') return judgement;
  const { reason } = judgement;
  return {
    ...judgement,
    verdict: 'inconclusive',
    code: 'no-metrics',
    reason: `the last reading failed; before it: ${reason}`,
  };
}
