import type {
  BlueRecovered,
  FurtherResult,
  TrafficMoved,
  TrafficRestored,
  UndoneRun,
  WindowResult,
} from './activity-results.ts';
import type { DecisionRecord } from './decision.ts';
import type { HeldStatus, PastHold } from './freeze.ts';
import type { GateStatus } from './gate.ts';
import type { Notification, NotificationReferences } from './notification.ts';
import type { CheckResult, DeploymentPlan, PlannedCheck, RemedyResult } from './plan.ts';

/** Where a deployment is. The last four are closed. */
export const PHASES = [
  'resolving',
  'held',
  'checking',
  'deploying',
  'shifting',
  'soaking',
  'awaiting-approval',
  'rolling-back',
  'rollback-stalled',
  'completed',
  'rolled-back',
  'refused',
  'cancelled',
] as const;
export type Phase = (typeof PHASES)[number];

const CLOSED: readonly Phase[] = ['completed', 'rolled-back', 'refused', 'cancelled'];
export function isClosed(phase: Phase): boolean {
  return CLOSED.includes(phase);
}

/**
 * `waiting`: to be measured, or to be attested by a person; `fixing`: its remedy runs; `unmeasured`: the measuring itself
 * failed.
 */
type CheckOutcome = 'waiting' | 'running' | 'fixing' | 'passed' | 'failed' | 'unmeasured' | 'attested' | 'waived';

/** A remedy that was run, and who wanted it. */
export interface RemedyRecord extends RemedyResult {
  readonly by: string;
}

export interface CheckStatus extends PlannedCheck {
  readonly outcome: CheckOutcome;
  readonly result?: CheckResult;
  /** Who requested a recheck, and whether with the remedy; until the recheck begins. */
  readonly asked?: { readonly by: string; readonly remedy: boolean };
  /** The newest last. */
  readonly remedies?: readonly RemedyRecord[];
  /** Who waived or attested it, and why. */
  readonly decidedBy?: { readonly by: string; readonly reason?: string; readonly at: number };
}

export type FinishedWindow = Omit<WindowResult, 'watchState' | 'analysis' | 'moved'>;

/** Nobody can judge, or nobody can watch: why, since when, and until when before it is rolled back. */
export interface UndecidedStatus {
  readonly reason: string;
  readonly since: number;
  readonly until: number;
}

/** A soak that was not proven healthy in its time: when it was extended first, and why. */
export interface ExtendedStatus {
  readonly at: number;
  readonly reason: string;
}

/** Traffic that somebody else moved, as it was found last. */
export interface MovedStatus extends TrafficMoved {
  readonly times: number;
  readonly at: number;
  /** Missing until the step has its share again. */
  readonly setRightAt?: number;
}

/** One step of the traffic plan under way or done. */
export interface StepStatus {
  readonly percentage: number;
  readonly shiftedAt: number;
  /** End of the soak; moves when the soak is extended for want of evidence. */
  readonly soakUntil: number;
  readonly extended?: ExtendedStatus;
  readonly provenAt?: number;
  readonly windows: readonly FinishedWindow[];
  /** The further metrics at the end of the newest window; missing where there are none. */
  readonly analysis?: readonly FurtherResult[];
  readonly gate?: GateStatus;
  /** While it cannot be judged: no metrics, or blue over its limits itself. */
  readonly undecided?: UndecidedStatus;
  /** While every attempt to watch fails. */
  readonly unwatched?: UndecidedStatus;
  /** Somebody else moved the traffic in this step: how often, and the newest time. */
  readonly moved?: MovedStatus;
  /** How long that was so before, in all: the longest soak is longer by as much. */
  readonly undecidedMs?: number;
}

/** What sent the deployment into its rollback. `requested`: a rollback of its own, after the deployment had ended. */
export type RollbackCause =
  | 'requested'
  | 'breach'
  | 'inconclusive'
  | 'gate-timeout'
  | 'freeze-timeout'
  | 'rejected'
  | 'aborted'
  | 'cancelled'
  | 'failed-step'
  | 'evidence-lost'
  | 'history-full';

export interface RollbackStatus {
  readonly cause: RollbackCause;
  readonly reason: string;
  /** When it was known that the rollback is needed: the recovery time counts from here. */
  readonly detectedAt: number;
  readonly startedAt: number;
  readonly round: number;
  readonly retriesAsked: number;
  readonly restored?: TrafficRestored;
  /** The round in which that was; missing once the traffic moved again. */
  readonly restoredRound?: number;
  /** Somebody takes blue as it is, with all the traffic read back on it and its health unproven. */
  readonly acceptance?: { readonly by: string; readonly reason: string; readonly at: number };
  readonly recovered?: BlueRecovered;
  /** Blue kept its limits with all traffic so long after the detection; missing where no request of it was counted. */
  readonly recoveryMs?: number;
  /** Why this round failed; missing while it runs. */
  readonly problem?: string;
  /** Why the round before failed, while a round runs. */
  readonly problemBefore?: string;
  /** Notices such as traffic that moved again after the rollback. */
  readonly notices: readonly string[];
}

/** What the deployment waits for, in words, since and until when, and what would unblock it (invariant 12). */
export interface WaitingFor {
  readonly what: string;
  readonly since: number;
  readonly until?: number;
  /** `until` may become later: a soak goes on while health is not proven. */
  readonly mayMove?: true;
  readonly unblockedBy: string;
}

/** A notification that did not reach every channel of the runbook. */
export interface UndeliveredNotification {
  /** When it was to be sent. */
  readonly at: number;
  readonly severity: Notification['severity'];
  readonly text: string;
  /** Names the channels that failed, and why. */
  readonly problem: string;
}

/** Where the report lies, in the workers' state, or why it could not be written. */
export type WrittenReport = { readonly where: string } | { readonly problem: string };

/** What `status` answers. Plain JSON; times are epoch milliseconds. */
export interface DeploymentStatus {
  /** A rollback of its own; missing for a deployment. `version` is then the one that is rolled back. */
  readonly kind?: 'rollback';
  /** The ended run that this rollback undoes. */
  readonly undoes?: UndoneRun;
  readonly service: string;
  readonly environment: string;
  readonly version: string;
  readonly requestedBy?: string;
  readonly reason?: string;
  readonly phase: Phase;
  readonly phaseSince: number;
  readonly startedAt: number;
  readonly plan?: DeploymentPlan;
  readonly greenPercentage: number;
  readonly checks: readonly CheckStatus[];
  readonly checklistUntil?: number;
  /** When green was deployed, at 0 % of the traffic. */
  readonly deployedAt?: number;
  /** When the first shift began: before it all traffic was on blue. */
  readonly shiftBegunAt?: number;
  readonly rechecksAsked: number;
  /** Steps begun so far; the last one is the current one. */
  readonly steps: readonly StepStatus[];
  readonly decisions: readonly DecisionRecord[];
  /** How many ignored decisions, rechecks and retries are no longer listed above. */
  readonly forgottenDecisions: number;
  /** While a freeze holds it. */
  readonly held?: HeldStatus;
  /** The waits for freezes that are over, the newest last. */
  readonly holds?: readonly PastHold[];
  /** The ids of the freezes that somebody has overridden for this deployment. */
  readonly overriddenFreezes?: readonly string[];
  readonly ending?: { readonly cause: 'rejected' | 'aborted'; readonly by: string; readonly reason?: string };
  readonly rollback?: RollbackStatus;
  /** The newest notifications that were given up, if any. */
  readonly undelivered?: readonly UndeliveredNotification[];
  /** Blue runs on until then, and is retired; of a completed deployment whose runbook says so. */
  readonly blueKeptUntil?: number;
  /** Forward-only migrations of the deployment that this rollback undoes. */
  readonly forwardOnly?: readonly string[];
  readonly notificationReferences?: NotificationReferences;
  /** How it closed, in one sentence. */
  readonly outcome?: string;
  readonly report?: WrittenReport;
  readonly waitingFor?: WaitingFor;
}

export function isPassed(check: CheckStatus): boolean {
  return check.outcome === 'passed' || check.outcome === 'waived' || check.outcome === 'attested';
}

/** A worker has to measure it, and has not begun. */
export function isToMeasure(check: CheckStatus): boolean {
  return check.checkedBy === 'worker' && check.outcome === 'waiting';
}

/** Nobody has to wait for a person now: it is being measured or fixed. */
export function isUnderWay(check: CheckStatus): boolean {
  return check.outcome === 'running' || check.outcome === 'fixing';
}

/** It goes on only when a person does something: it was measured and has not passed, or is to be attested. */
export function needsSomebody(check: CheckStatus): boolean {
  return !isPassed(check) && !isUnderWay(check) && !isToMeasure(check);
}

/** The checklist goes on only when a person does something. */
export function isStuck({ phase, checks }: DeploymentStatus): boolean {
  return phase === 'checking' && !checks.every(isPassed) && checks.every((one) => isPassed(one) || needsSomebody(one));
}

/** The step under way, if traffic was shifted already. */
export function currentStep(status: DeploymentStatus): StepStatus | undefined {
  return status.steps.at(-1);
}

/** The gate that takes approvals now. */
export function openGate(status: DeploymentStatus): GateStatus | undefined {
  const gate =
    status.phase === 'soaking' || status.phase === 'awaiting-approval' ? currentStep(status)?.gate : undefined;
  return gate?.passedAt === undefined ? gate : undefined;
}

/** Blue has recovered, and the traffic is guarded: nothing went wrong since. */
export function isGuarded(
  rollback: RollbackStatus,
): rollback is RollbackStatus & { readonly recovered: BlueRecovered } {
  const { recovered, problem, problemBefore } = rollback;
  return recovered !== undefined && (problem ?? problemBefore) === undefined;
}

/** All traffic was read back on blue, in the last round of the rollback or in the running one. */
export function isReadBack({ restored, restoredRound = 0, round }: RollbackStatus, state: 'running' | 'over'): boolean {
  return restored?.readBack === true && restoredRound > 0 && restoredRound >= (state === 'running' ? round - 1 : round);
}
