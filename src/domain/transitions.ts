import type { BlueRecovered, ResolvedRollback, TrafficRestored, WindowResult } from './activity-results.ts';
import { type Freeze, freezeWords, type HeldStatus, type PastHold } from './freeze.ts';
import { gateBefore } from './gate.ts';
import {
  type CheckResult,
  DEFAULT_ENVIRONMENT,
  type DeploymentPlan,
  type PlannedCheck,
  type TrafficStep,
} from './plan.ts';
import {
  type CheckStatus,
  currentStep,
  type DeploymentStatus,
  type ExtendedStatus,
  isPassed,
  isToMeasure,
  isUnderWay,
  type Phase,
  type RemedyRecord,
  type RollbackCause,
  type RollbackStatus,
  type StepStatus,
  type UndecidedStatus,
  type UndeliveredNotification,
  type WrittenReport,
} from './status.ts';

/** Every change of a deployment's state, as a pure function of the state. Handlers and steps only call these. */

export function opened(request: unknown, at: number): DeploymentStatus {
  const given = (typeof request === 'object' && request !== null ? request : {}) as Record<string, unknown>;
  const text = (key: string): string | undefined =>
    typeof given[key] === 'string' ? given[key].slice(0, 200) : undefined;
  const requestedBy = text('requestedBy');
  const reason = text('reason');
  return {
    service: text('service') ?? '',
    environment: text('environment') ?? DEFAULT_ENVIRONMENT,
    version: text('version') ?? '',
    ...(requestedBy === undefined ? {} : { requestedBy }),
    ...(reason === undefined ? {} : { reason }),
    phase: 'resolving',
    phaseSince: at,
    startedAt: at,
    greenPercentage: 0,
    checks: [],
    rechecksAsked: 0,
    steps: [],
    decisions: [],
    forgottenDecisions: 0,
  };
}

export function entered(status: DeploymentStatus, phase: Phase, at: number): DeploymentStatus {
  return status.phase === phase ? status : { ...status, phase, phaseSince: at };
}

export function planned(status: DeploymentStatus, plan: DeploymentPlan): DeploymentStatus {
  return { ...status, plan, checks: plan.checklist.checks.map((check) => ({ ...check, outcome: 'waiting' })) };
}

/** What a rollback of its own is opened with: which version it is about is not known yet. */
export function rollbackOpened(request: unknown, at: number): DeploymentStatus {
  return { ...opened(request, at), kind: 'rollback', version: '?' };
}

export function rollbackResolved(
  status: DeploymentStatus,
  { plan, undoes, greenPercentage, shiftBegunAt, forwardOnly }: ResolvedRollback,
): DeploymentStatus {
  return {
    ...status,
    plan,
    undoes,
    version: plan.target.green,
    greenPercentage,
    ...(shiftBegunAt === undefined ? {} : { shiftBegunAt }),
    ...(forwardOnly === undefined ? {} : { forwardOnly }),
  };
}

export function checklistBegun(status: DeploymentStatus, at: number, until: number): DeploymentStatus {
  return { ...entered(status, 'checking', at), checklistUntil: until };
}

/**
 * Before the first shift, with green deployed: what passed and is cheap is measured again, `more` for the first time. What
 * people attested or waived stands.
 */
export function checklistReopened(
  status: DeploymentStatus,
  more: readonly PlannedCheck[],
  at: number,
  until: number,
): DeploymentStatus {
  const isMore = ({ id }: PlannedCheck): boolean => more.some((one) => one.id === id);
  const checks = status.checks.map(
    (check): CheckStatus =>
      (check.again || isMore(check)) && check.outcome === 'passed' ? { ...check, outcome: 'waiting' } : check,
  );
  const added = more.filter(({ id }) => !checks.some((check) => check.id === id));
  const reopened = {
    ...status,
    checks: [...checks, ...added.map((check) => ({ ...check, outcome: 'waiting' as const }))],
  };
  return checklistBegun(reopened, at, until);
}

/** A freeze holds what comes next, which has changed nothing; the wait ends at `until`. */
export function heldBy(
  status: DeploymentStatus,
  freezes: readonly Freeze[],
  at: number,
  until: number,
): DeploymentStatus {
  const { shiftBegunAt, ...rest } = status;
  const before = status.steps.length === 0 || shiftBegunAt === undefined ? rest : { ...rest, shiftBegunAt };
  return { ...entered(before, 'held', at), held: { freezes, since: status.held?.since ?? at, until } };
}

/** Holds of one deployment kept in sight, and how much of the freezes' words. */
const HOLDS_KEPT = 10;
const HOLD_TEXT = 300;

export function heldNoMore({ held, ...status }: DeploymentStatus, at: number): DeploymentStatus {
  // One that was overridden at once held nothing up.
  if (!held || held.since >= at) return status;
  return { ...status, holds: [...(status.holds ?? []), pastHold(held, at)].slice(-HOLDS_KEPT) };
}

function pastHold({ freezes, since }: HeldStatus, at: number): PastHold {
  return { from: since, to: at, what: freezes.map(freezeWords).join('; ').slice(0, HOLD_TEXT) };
}

export function greenDeployed(status: DeploymentStatus, at: number): DeploymentStatus {
  return { ...status, deployedAt: at };
}

/** From here on traffic may have moved, whatever becomes of the shift. */
export function shiftBegun(status: DeploymentStatus, at: number): DeploymentStatus {
  return { ...entered(status, 'shifting', at), shiftBegunAt: status.shiftBegunAt ?? at };
}

function withCheck(
  status: DeploymentStatus,
  id: string,
  change: (check: CheckStatus) => CheckStatus,
): DeploymentStatus {
  return { ...status, checks: status.checks.map((check) => (check.id === id ? change(check) : check)) };
}

export function checkStarted(status: DeploymentStatus, id: string): DeploymentStatus {
  return withCheck(status, id, ({ asked: _, ...check }) => ({ ...check, outcome: 'running' }));
}

/** A decision that came while the check was measured stands; one to measure again counts from its end. */
export function checkMeasured(status: DeploymentStatus, id: string, measured: CheckResult): DeploymentStatus {
  const found = outcomeOf(measured);
  return withCheck(status, id, (check) => {
    const result = withEarlierMigrations(measured, check.result);
    if (isPassed(check)) return { ...check, result };
    const { asked, ...rest } = check;
    return found !== 'passed' && asked ? { ...check, outcome: 'waiting', result } : { ...rest, outcome: found, result };
  });
}

function outcomeOf({ unmeasured, passed }: CheckResult): CheckStatus['outcome'] {
  return unmeasured ? 'unmeasured' : passed ? 'passed' : 'failed';
}

/** A list of pending migrations no longer names those that ran since: they stay in the result. */
function withEarlierMigrations(result: CheckResult, before: CheckResult | undefined): CheckResult {
  const forwardOnly = [...new Set([...(before?.forwardOnly ?? []), ...(result.forwardOnly ?? [])])];
  return forwardOnly.length === 0 ? result : { ...result, forwardOnly };
}

export function remedyStarted(status: DeploymentStatus, id: string): DeploymentStatus {
  return withCheck(status, id, (check) => (isPassed(check) ? check : { ...check, outcome: 'fixing' }));
}

/** Remedies of one check kept in sight; the history has them all. */
const REMEDIES_KEPT = 5;

export function remedyEnded(status: DeploymentStatus, id: string, record: RemedyRecord): DeploymentStatus {
  return withCheck(status, id, (check) => ({
    ...check,
    remedies: [...(check.remedies ?? []), record].slice(-REMEDIES_KEPT),
  }));
}

export function stepBegun(
  status: DeploymentStatus,
  step: TrafficStep,
  next: TrafficStep | undefined,
  at: number,
): DeploymentStatus {
  const gate = step.approval && next ? gateBefore(next.percentage, step.approval) : undefined;
  const begun: StepStatus = {
    percentage: step.percentage,
    shiftedAt: at,
    soakUntil: at + step.soakMs,
    windows: [],
    ...(gate ? { gate } : {}),
  };
  return { ...entered(status, 'soaking', at), greenPercentage: step.percentage, steps: [...status.steps, begun] };
}

function withStep(status: DeploymentStatus, change: (step: StepStatus) => StepStatus): DeploymentStatus {
  const step = currentStep(status);
  return step ? { ...status, steps: [...status.steps.slice(0, -1), change(step)] } : status;
}

/** Windows of one step kept in sight; the history has them all. */
const WINDOWS_KEPT = 60;

export function windowClosed(
  status: DeploymentStatus,
  { watchState: _, analysis, moved, ...window }: WindowResult,
): DeploymentStatus {
  return withStep(status, ({ unwatched: __, ...step }) => ({
    ...step,
    windows: [...step.windows, window].slice(-WINDOWS_KEPT),
    ...(analysis && { analysis }),
    ...(moved && { moved: { ...moved, times: (step.moved?.times ?? 0) + 1, at: window.to } }),
  }));
}

/** Until the next window is closed. */
export function watchFailed(status: DeploymentStatus, unwatched: UndecidedStatus): DeploymentStatus {
  return withStep(status, (step) => ({ ...step, unwatched }));
}

/** The step has its share again, after somebody else had moved the traffic. */
export function trafficSetRight(status: DeploymentStatus, at: number): DeploymentStatus {
  return withStep(status, (step) => (step.moved ? { ...step, moved: { ...step.moved, setRightAt: at } } : step));
}

/** The soak goes on until then; `extended` says when and why, the first time. */
export function soakExtended(status: DeploymentStatus, until: number, extended: ExtendedStatus): DeploymentStatus {
  return withStep(status, (step) => ({ ...step, soakUntil: until, extended: step.extended ?? extended }));
}

export function undecidedBegun(status: DeploymentStatus, undecided: UndecidedStatus): DeploymentStatus {
  return withStep(status, (step) => ({ ...step, undecided }));
}

export function undecidedEnded(status: DeploymentStatus, at: number): DeploymentStatus {
  return withStep(status, ({ undecided, undecidedMs = 0, ...step }) => ({
    ...step,
    undecidedMs: undecidedMs + (undecided ? at - undecided.since : 0),
  }));
}

/** The soak is proven healthy; the wait for a person, if a gate follows, ends at `gateUntil`, or has no end without it. */
export function soakProven(status: DeploymentStatus, at: number, gateUntil?: number): DeploymentStatus {
  return withStep(status, (step) => ({
    ...step,
    provenAt: at,
    ...(step.gate ? { gate: { ...step.gate, ...(gateUntil === undefined ? {} : { until: gateUntil }) } } : {}),
  }));
}

export function gatePassed(status: DeploymentStatus, at: number): DeploymentStatus {
  return withStep(status, (step) => (step.gate ? { ...step, gate: { ...step.gate, passedAt: at } } : step));
}

export function rollbackBegun(
  status: DeploymentStatus,
  why: { readonly cause: RollbackCause; readonly reason: string; readonly detectedAt: number },
  at: number,
): DeploymentStatus {
  return {
    ...entered(status, 'rolling-back', at),
    rollback: { ...why, startedAt: at, round: 0, retriesAsked: 0, notices: [] },
  };
}

function withRollback(
  status: DeploymentStatus,
  change: (rollback: RollbackStatus) => RollbackStatus,
): DeploymentStatus {
  return status.rollback ? { ...status, rollback: change(status.rollback) } : status;
}

export function roundBegun(status: DeploymentStatus, round: number, at: number): DeploymentStatus {
  return withRollback(entered(status, 'rolling-back', at), ({ problem, ...rollback }) => ({
    ...rollback,
    round,
    ...(problem === undefined ? {} : { problemBefore: problem }),
  }));
}

export function trafficRestored(status: DeploymentStatus, restored: TrafficRestored): DeploymentStatus {
  return {
    ...withRollback(status, (rollback) => ({ ...rollback, restored, restoredRound: rollback.round })),
    greenPercentage: 0,
  };
}

export function blueRecovered(status: DeploymentStatus, recovered: BlueRecovered): DeploymentStatus {
  return withRollback(status, ({ problem: _, problemBefore: __, ...rollback }) => ({
    ...rollback,
    recovered,
    // Where not one request of blue was counted, nobody measured when it was well again.
    ...(recovered.requests > 0 ? { recoveryMs: recovered.healthyAt - rollback.detectedAt } : {}),
  }));
}

export function roundFailed(status: DeploymentStatus, problem: string, at: number): DeploymentStatus {
  return withRollback(entered(status, 'rollback-stalled', at), ({ problemBefore: _, ...rollback }) => ({
    ...rollback,
    problem,
  }));
}

/** Traffic moved again after the rollback: what was proven, or accepted, no longer holds. */
export function trafficMoved(status: DeploymentStatus, what: string): DeploymentStatus {
  return withRollback(
    status,
    ({ recovered: _, recoveryMs: __, restoredRound: ___, acceptance: ____, ...rollback }) => ({
      ...rollback,
      notices: [...rollback.notices, what].slice(-20),
    }),
  );
}

/** Notifications that were given up, kept in the state and in the report, and how much of their texts. */
const UNDELIVERED_KEPT = 10;
const UNDELIVERED_TEXT = 300;

export function notificationGivenUp(status: DeploymentStatus, given: UndeliveredNotification): DeploymentStatus {
  const { at, severity } = given;
  const text = given.text.slice(0, UNDELIVERED_TEXT);
  const problem = given.problem.slice(0, UNDELIVERED_TEXT);
  const undelivered = [...(status.undelivered ?? []), { at, severity, text, problem }].slice(-UNDELIVERED_KEPT);
  return { ...status, undelivered };
}

export function blueKept(status: DeploymentStatus, until: number): DeploymentStatus {
  return { ...status, blueKeptUntil: until };
}

/** What became of the written report; the deployment itself is closed already. */
export function reportKept(status: DeploymentStatus, report: WrittenReport): DeploymentStatus {
  return { ...status, report };
}

export function closed(status: DeploymentStatus, phase: Phase, outcome: string, at: number): DeploymentStatus {
  return { ...entered(heldNoMore(status, at), phase, at), checks: status.checks.map(measuredLast), outcome };
}

/** Nobody measures any more: what was measured last stands. */
function measuredLast(check: CheckStatus): CheckStatus {
  if (!isUnderWay(check) && !isToMeasure(check)) return check;
  return { ...check, outcome: check.result ? outcomeOf(check.result) : 'unmeasured' };
}
