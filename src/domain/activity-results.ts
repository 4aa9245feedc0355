import type { ConditionState, CountedState, JudgeRules, JudgeState, Verdict, VerdictCode } from '../judge/index.ts';
import type { MetricCursor } from './metric-cursor.ts';
import type { DeploymentPlan, DeploymentTarget, EvidenceLine, LiveCounts, MeasuredCounts } from './plan.ts';

/** What the watch carries from window to window and from worker to worker; opaque to the workflow, a few KB at most. */
export interface WatchState {
  /** Everything up to here was judged. */
  readonly cursor: MetricCursor | null;
  readonly judge: JudgeState | null;
  /** When the soak began that `judge` is about. */
  readonly soakStartedAt: number;
  /** Of each further metric, by its name; missing where the runbook has none. */
  readonly analysis?: Readonly<Record<string, FurtherState>>;
  /** The restarts of green's instances that the judge knows of, by name; missing where the platform has not said any. */
  readonly restarts?: Readonly<Record<string, number>>;
}

/** What the watch knows of one further metric. */
export interface FurtherState {
  /** Of counts: everything up to here was judged. */
  readonly cursor?: MetricCursor | null;
  readonly judge: CountedState | ConditionState | null;
  /** When the soak began that `judge` is about. */
  readonly soakStartedAt: number;
}

/** What one further metric of the runbook's `analysis` says now. */
export interface FurtherResult {
  readonly name: string;
  readonly kind: 'counted' | 'query';
  /** Whether it decides; the others are only shown. */
  readonly critical: boolean;
  readonly verdict: Verdict;
  readonly reason: string;
  readonly code?: VerdictCode;
  /** The versions' shares in the soak, 0 to 1, or the newest value of the query, which is green's; null where not measured. */
  readonly green: number | null;
  readonly blue: number | null;
}

export interface WatchInput {
  readonly target: DeploymentTarget;
  readonly rules: JudgeRules;
  readonly pollMs: number;
  /** When the soak began; a new value begins a new soak. */
  readonly soakStartedAt: number;
  /** How long it is meant to be. */
  readonly soakMs: number;
  /** What green is to get of the traffic, 0 to 100. */
  readonly percentage: number;
  /** When the window closes. Absolute, so that a retry on another worker goes on instead of starting over. */
  readonly until: number;
  /** From then on it closes at the first healthy verdict: a soak without proof goes on no longer than it needs. */
  readonly healthyFrom?: number;
  readonly watchState: WatchState;
}

/** A finished window. */
export interface WindowResult {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly code?: VerdictCode;
  /** What it waits for has not come within its budget. */
  readonly exhausted?: true;
  /** How much more time the proof of health needs at this rate, where that can be said. */
  readonly missingMs?: number;
  readonly from: number;
  readonly to: number;
  /** What the soak counted in this window. */
  readonly green: MeasuredCounts;
  readonly blue: MeasuredCounts;
  /** What was counted from the baseline to the soak's first reading, while the traffic was shifted: none of the soak's. */
  readonly shifting?: { readonly green: MeasuredCounts; readonly blue: MeasuredCounts };
  /** The further metrics at its end, in the runbook's order; missing where there are none. */
  readonly analysis?: readonly FurtherResult[];
  /** Somebody else moved the traffic: the window closed for it. */
  readonly moved?: TrafficMoved;
  readonly watchState: WatchState;
}

/** The traffic is not as it was shifted. */
export interface TrafficMoved {
  /** The shares that were read, or how the parts of the router disagree. */
  readonly found: string;
  /** Who changed it, and how to keep them from it, where the router knows. */
  readonly by?: string;
}

/** What a running window says of itself in its heartbeat, for live views. */
export interface WatchHeartbeat extends WindowResult {
  /** The newest interval alone: counts over `intervalMs`. */
  readonly latest?: { readonly intervalMs: number; readonly green: LiveCounts; readonly blue: LiveCounts };
  /** Why the newest poll brought nothing, if so. */
  readonly problem?: string;
}

export interface RollbackInput {
  readonly target: DeploymentTarget;
  readonly rules: JudgeRules;
  readonly pollMs: number;
  readonly round: number;
  /** Green is not stopped yet. */
  readonly keepsGreen?: true;
  /** No shift of traffic to green was ever begun. */
  readonly neverShifted?: true;
  /** The activity gives up then, saying what it last saw. */
  readonly until: number;
}

/** A run that has ended, which a rollback of its own undoes. */
export interface UndoneRun {
  readonly run: string;
  /** `terminated`: ended by force or by a time limit of the server, wherever the traffic was. */
  readonly closed: 'completed' | 'terminated';
  readonly closedAt: number;
}

/** What a rollback of its own goes by. */
export interface ResolvedRollback {
  /** That of the run that is undone, for this run: without checks and steps. */
  readonly plan: DeploymentPlan;
  readonly undoes: UndoneRun;
  /** Green's share now, 0 to 100, or the last that was asked for where the router cannot report it. */
  readonly greenPercentage: number;
  /** When the undone run began its first shift; missing where it never did. */
  readonly shiftBegunAt?: number;
  /** Migrations of green that no rollback undoes. */
  readonly forwardOnly?: readonly string[];
}

/** What became of blue after its time. */
export interface RetiredBlue {
  /** That of the deployment that completed: `target.deployment`. */
  readonly deployment: string;
  /** When it was stopped; missing where it was left running. */
  readonly retiredAt?: number;
  readonly evidence: readonly EvidenceLine[];
}

/** The platform said that blue has all traffic. */
export interface TrafficRestored {
  readonly startedAt: number;
  readonly restoredAt: number;
  /** It was read back; missing where the platform has no status command. */
  readonly readBack?: true;
  /**
   * What green got all the same, where the proxies do not follow the router: it runs on. Missing where it got none, and where the
   * metrics say nothing.
   */
  readonly greenLeft?: GreenLeft;
  readonly evidence: readonly EvidenceLine[];
}

/** Requests of green after the router sent all traffic to blue. */
export interface GreenLeft {
  readonly requests: number;
  /** Those of all versions. */
  readonly all: number;
  /** The time over which they were counted, and its end in epoch milliseconds. */
  readonly ms: number;
  readonly at: number;
}

/** Blue carries all traffic and is proven healthy over fresh requests, or that proof was done without. */
export interface BlueRecovered {
  /** When it was proven, or accepted. */
  readonly healthyAt: number;
  /** Fresh requests of blue alone that kept the limits. */
  readonly requests: number;
  readonly evidence: readonly EvidenceLine[];
  /** Missing where blue's health is proven. */
  readonly accepted?: AcceptedRecovery;
}

/** Blue's health is not proven: what was accepted instead, and by whom. */
interface AcceptedRecovery {
  readonly what: string;
  readonly by: string;
}
