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
  type WatchState,
  type WindowResult,
} from '../domain/index.ts';
import { confirmApprovals } from './confirm-approvals.ts';
import type { Deployment } from './deployment.ts';
import { RollbackRequired } from './failures.ts';
import { notify, notifyOfShift } from './notify.ts';
import { remindOfGate } from './reminders.ts';
import { awaitDecision, soakLimitOf } from './undecided.ts';
import { watchWindow } from './watch-window.ts';

/** A window that closes an approval with an inconclusive verdict is followed by one of at least so many polls. */
const POLLS_TO_CONFIRM = 3;

/** A window that begins so much later than it was asked for had no worker: that time is not taken from the longest soak. */
const UNWATCHED_MS = 5_000;

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
    // Going back would not move the traffic either: the outcome says it.
    if (until >= limit() && window.code === 'blue-has-traffic') break;
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
    if (extensions === 0) void notify(deployment, 'extended', 'warning', whyExtended(deployment, step, window));
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

function whyExtended(deployment: Deployment, { percentage }: TrafficStep, { code, reason }: WindowResult): string {
  const { service, version, environment } = deployment.status();
  if (code === 'blue-has-traffic')
    return `${service} ${version} in ${environment} is healthy, but the soak at ${percentage} % goes on: ${reason}. Find out why the traffic does not follow the router; in the end the deployment is completed all the same.`;
  return `${service} ${version} in ${environment} is not proven healthy at ${percentage} % yet, so the soak goes on: ${reason}. Without proof it is rolled back in the end; abort does it now.`;
}
