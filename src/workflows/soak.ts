import {
  ActivityFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  patched,
  TimeoutFailure,
} from '@temporalio/workflow';
import {
  currentStep,
  entered,
  extensionMs,
  gatePassed,
  isApproved,
  needsConfirmation,
  rollbackPromise,
  soakExtended,
  soakProven,
  stepBegun,
  type TrafficStep,
  type WatchHeartbeat,
  type WatchInput,
  type WatchState,
  type WindowResult,
  windowClosed,
} from '../domain/index.ts';
import { work } from './activity-proxy.ts';
import { confirmApprovals } from './confirm-approvals.ts';
import type { Deployment } from './deployment.ts';
import { errorMessage, RollbackRequired } from './failures.ts';
import { notify, notifyOfShift } from './notify.ts';
import { remindOfGate } from './reminders.ts';
import { setTrafficRight } from './set-right.ts';
import { awaitDecision, mindUndecided, soakLimitOf, untilDecided } from './undecided.ts';

/** A window that closes an approval with an inconclusive verdict is followed by one of at least so many polls. */
const POLLS_TO_CONFIRM = 3;

/** A window that begins so much later than it was asked for had no worker: that time is not taken from the longest soak. */
const UNWATCHED_MS = 5_000;

const UNATTENDED = { verdict: 'inconclusive', reason: 'no worker was there when the window closed' } as const;

const LEFT = {
  verdict: 'inconclusive',
  reason: 'the soak was left before the window closed',
  code: 'insufficient-data',
} as const;

/**
 * Watches one step of the traffic plan until its soak is proven healthy and its gate, if it has one, is approved. The
 * watch never pauses: it goes on while a person thinks. Returns what the next window carries on from.
 *
 * @throws MustRollBack on a breach, a gate that timed out, evidence that was lost or never came.
 */
export async function soakAndPassGate(
  deployment: Deployment,
  step: TrafficStep,
  next: TrafficStep | undefined,
  carried: WatchState,
): Promise<WatchState> {
  const { watch } = deployment.plan();
  const startedAt = Date.now();
  deployment.change((status, at) => stepBegun(status, step, next, at));
  notifyOfShift(deployment, step);
  const approved = (): boolean => isApproved(currentStep(deployment.status())?.gate);
  const gate = currentStep(deployment.status())?.gate;
  // It ends with the gate, or with the scope of the deployment.
  if (gate && needsConfirmation(gate)) confirmApprovals(deployment, gate.id).catch(() => {});

  const soakMinimum = startedAt + step.soakMs;
  let unwatchedMs = 0;
  const limit = (): number => soakLimitOf(deployment, startedAt + step.soakMs * watch.maxSoakFactor + unwatchedMs);
  let until = soakMinimum;
  let watchState = carried;
  let extensions = 0;

  for (;;) {
    const askedAt = Date.now();
    const longest = Math.min(askedAt + watch.windowMs, until);
    const window = await watchWindow(deployment, step, startedAt, {
      watchState,
      until: longest,
      healthyFrom: soakMinimum,
    });
    watchState = window.watchState;
    if (window.from - askedAt > UNWATCHED_MS) unwatchedMs += window.from - askedAt;
    if (Date.now() >= soakMinimum && window.verdict === 'healthy' && !window.moved) break;
    if (Date.now() < until) continue;
    if (until >= limit()) awaitDecision(deployment, step, window);
    if (until >= limit())
      throw new RollbackRequired(
        'inconclusive',
        `The soak at ${step.percentage} % could not be proven healthy: ${window.moved ? `the traffic was moved to ${window.moved.found}` : window.reason}`,
        Date.now(),
      );
    const missing = window.missingMs ?? 0;
    until = Math.min(limit(), Date.now() + Math.max(missing, extensionMs(extensions, watch)));
    const expected = missing > 0 ? Math.min(limit(), Date.now() + missing) : until;
    deployment.change((status, at) => soakExtended(status, expected, { at, reason: window.reason }));
    if (extensions === 0) void notify(deployment, 'extended', 'warning', whyExtended(deployment, step, window.reason));
    extensions += 1;
  }

  const { approval } = step;
  const gateUntil = approval?.onTimeout === 'wait' ? undefined : Date.now() + (approval?.timeoutMs ?? 0);
  deployment.change((status, at) => soakProven(status, at, gateUntil));
  if (!gate) return watchState;

  if (!approved()) {
    deployment.change((status, at) => entered(status, 'awaiting-approval', at));
    const { service, version } = deployment.status();
    const promise = rollbackPromise(deployment.status());
    const forwardOnly = promise === undefined ? '' : ` ${promise}.`;
    void notify(
      deployment,
      'gate-opened',
      'info',
      `${service} ${version} is healthy at ${step.percentage} % and waits for approval.${forwardOnly}`,
    );
    if (approval?.remindEveryMs !== undefined)
      remindOfGate(deployment, gate.id, approval.remindEveryMs).catch(() => {}); // it ends with the scope of the deployment
    const late = () =>
      new RollbackRequired('gate-timeout', `Nobody approved the shift to ${next?.percentage} % in time.`, Date.now());
    watchState = await watchUntil(deployment, step, watchState, {
      isOver: approved,
      ...(gateUntil !== undefined && { until: gateUntil }),
      late,
    });
  }
  deployment.change((status, at) => gatePassed(status, at));
  return watchState;
}

interface Wait {
  readonly isOver: () => boolean;
  /** Epoch milliseconds; missing where the wait has no end. */
  readonly until?: number;
  /** What to throw when it is not over by then. */
  readonly late: () => RollbackRequired;
}

/**
 * Watches a step whose soak is proven while something else is waited for, and then until a window confirms that green is still
 * healthy. Returns what the next window carries on from.
 */
export async function watchUntil(
  deployment: Deployment,
  step: TrafficStep,
  carried: WatchState,
  { isOver, until, late }: Wait,
): Promise<WatchState> {
  const { watch } = deployment.plan();
  const startedAt = currentStep(deployment.status())?.shiftedAt ?? Date.now();
  let watchState = carried;
  let unconfirmed = false;
  while (!isOver() || unconfirmed) {
    if (until !== undefined && Date.now() >= until) throw late();
    const longest = isOver() ? watch.pollMs * POLLS_TO_CONFIRM : watch.gateWindowMs;
    const window = await watchWindow(deployment, step, startedAt, {
      watchState,
      until: Math.min(Date.now() + longest, until ?? Number.POSITIVE_INFINITY),
      ...(isOver() ? {} : { closeEarly: isOver }),
    });
    watchState = window.watchState;
    unconfirmed = window.verdict !== 'healthy' || window.moved !== undefined;
  }
  return watchState;
}

function whyExtended(deployment: Deployment, { percentage }: TrafficStep, reason: string): string {
  const { service, version, environment } = deployment.status();
  return `${service} ${version} in ${environment} is not proven healthy at ${percentage} % yet, so the soak goes on: ${reason}. Without proof it is rolled back in the end; abort does it now.`;
}

/**
 * One window: closed at `until`, or early when `closeEarly` becomes true. Asking the activity to cancel means "close
 * now": it polls once more and returns its verdict, so that nothing seen is thrown away.
 */
async function watchWindow(
  deployment: Deployment,
  step: TrafficStep,
  soakStartedAt: number,
  {
    watchState,
    closeEarly,
    ...ends
  }: Pick<WatchInput, 'watchState' | 'until' | 'healthyFrom'> & { closeEarly?: () => boolean },
): Promise<WindowResult> {
  const { target, judge, watch } = deployment.plan();
  const from = Date.now();
  const until = untilDecided(deployment, ends.until);
  const boundMs = Math.max(0, until - from) + watch.maxUnwatchedMs;
  const { soakMs, percentage } = step;
  const input = {
    target,
    rules: judge,
    pollMs: watch.pollMs,
    soakStartedAt,
    soakMs,
    percentage,
    ...ends,
    until,
    watchState,
  };
  const window = await inScope();
  deployment.change((status) => windowClosed(status, window));
  if (window.verdict === 'breached') throw new RollbackRequired('breach', window.reason, window.to);
  mindUndecided(deployment, step, window);
  await setTrafficRight(deployment, step, window);
  return window;

  /**
   * Once the soak is left, nobody waits for its window: the activity learns of that with its next heartbeat, and there are few. What
   * it has seen is in the report if it comes in time; its doubts are not, since the rollback moves the traffic meanwhile.
   */
  async function untilLeft(closed: Promise<WindowResult>): Promise<WindowResult> {
    try {
      return await Promise.race([closed, CancellationScope.current().cancelRequested]);
    } catch (error) {
      const report = (late: WindowResult) =>
        deployment.change((status) =>
          windowClosed(status, late.verdict === 'inconclusive' ? { ...late, ...LEFT } : late),
        );
      void closed.then(report, () => undefined);
      throw error;
    }
  }

  async function inScope(): Promise<WindowResult> {
    try {
      return await CancellationScope.cancellable(async () => {
        const closed = work(`watch at ${step.percentage} %`, boundMs, 0).watchWindow(input);
        if (!closeEarly) return await (patched('leave-soak-at-once') ? untilLeft(closed) : closed);
        await Promise.race([closed, condition(closeEarly)]);
        CancellationScope.current().cancel();
        return await closed;
      });
    } catch (error) {
      if (deployment.scope.consideredCancelled) throw error;
      // Temporal does not retry an activity that was asked to cancel: if its worker died meanwhile, or none had it yet,
      // the next window goes on from what was seen last, and judges the gap.
      if (closeEarly?.() && isUnattended(error)) return lastHeartbeat(error) ?? nothingSeen(from, input);
      throw new RollbackRequired(
        'evidence-lost',
        `Nobody could watch for too long: ${errorMessage(error)}`,
        Date.now(),
      );
    }
  }
}

/** Its worker was lost; or it was cancelled between two attempts, when no worker was there to give a verdict. */
function isUnattended(error: unknown): boolean {
  if (!(error instanceof ActivityFailure)) return false;
  const { cause } = error;
  return cause instanceof CancelledFailure || (cause instanceof TimeoutFailure && cause.timeoutType === 'HEARTBEAT');
}

function lastHeartbeat(error: unknown): WindowResult | undefined {
  if (!(error instanceof ActivityFailure) || !(error.cause instanceof TimeoutFailure)) return undefined;
  const beat = error.cause.lastHeartbeatDetails as WatchHeartbeat | undefined;
  if (!beat) return undefined;
  const { latest: _, problem: __, ...window } = beat;
  return { ...window, ...UNATTENDED };
}

function nothingSeen(from: number, { rules, watchState }: WatchInput): WindowResult {
  const none = { requests: 0, failed: 0, slow: rules.limits.latency ? 0 : null };
  return { ...UNATTENDED, from, to: from, green: none, blue: none, watchState };
}
