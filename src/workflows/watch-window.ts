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
  FAILURE,
  type TrafficStep,
  type WatchHeartbeat,
  type WatchInput,
  type WindowResult,
  watchFailed,
  windowClosed,
} from '../domain/index.ts';
import { roughly } from '../format/index.ts';
import { HELD_IN_TEMPORAL, workForSure } from './activity-proxy.ts';
import type { Deployment } from './deployment.ts';
import { errorMessage, lastAnswer, RollbackRequired } from './failures.ts';
import { notifyOfFailedWatch, notifyOfUnwatched } from './notify.ts';
import { setTrafficRight } from './set-right.ts';
import { mindUndecided, untilDecided } from './undecided.ts';

const UNATTENDED = { verdict: 'inconclusive', reason: 'no worker was there when the window closed' } as const;
const HELD = { ...UNATTENDED, reason: `nobody watched: ${HELD_IN_TEMPORAL}` } as const;

/** How much later than asked a worker may end what it reads of the time that nobody watched: its last reading, and a lost attempt. */
const CATCH_UP_LATE_MS = 30_000;

const LEFT = {
  verdict: 'inconclusive',
  reason: 'the soak was left before the window closed',
  code: 'insufficient-data',
} as const;

/**
 * One window: closed at `until`, or early when `closeEarly` becomes true. Asking the activity to cancel means "close
 * now": it polls once more and returns its verdict, so that nothing seen is thrown away.
 */
export async function watchWindow(
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
  const { soakMs, percentage } = step;
  const input: WatchInput = {
    target,
    rules: judge,
    pollMs: watch.pollMs,
    soakStartedAt,
    soakMs,
    percentage,
    ...ends,
    until: untilDecided(deployment, ends.until),
    watchState,
  };
  const window = await attended();
  deployment.change((status) => windowClosed(status, window));
  if (window.verdict === 'breached') throw new RollbackRequired('breach', window.reason, window.to);
  mindUndecided(deployment, step, window);
  await setTrafficRight(deployment, step, window);
  return window;

  async function attended(): Promise<WindowResult> {
    try {
      return await closed(input, { early: closeEarly });
    } catch (error) {
      if (deployment.scope.consideredCancelled) throw error;
      const lost = seenLast(error) ?? nothingSeen(from, input, isHeld(error) ? HELD : UNATTENDED);
      // Temporal does not retry an activity that was asked to cancel: if its worker died meanwhile, or none had it yet,
      // the next window goes on from what was seen last, and judges the gap.
      if (closeEarly?.() && isUnattended(error)) return lost;
      if (isUnable(error)) return catchUp({ ...lost, reason: 'every attempt to watch failed' }, error);
      if (!isTimedOut(error)) throw evidenceLost(lost, errorMessage(error));
      return catchUp(lost);
    }
  }

  /**
   * Nobody watched for too long, or every attempt to watch failed. A worker is there, since this runs, and the counters are
   * cumulative: what it reads now is the evidence of that time. It has `maxUnwatched` for that, and a lost worker ends it, so that a
   * deployment that no worker survives is rolled back.
   */
  async function catchUp(lost: WindowResult, unable?: ActivityFailure): Promise<WindowResult> {
    const begunAt = Date.now();
    const giveUpAt = begunAt + watch.maxUnwatchedMs;
    const lateMs = Math.min(watch.maxUnwatchedMs, CATCH_UP_LATE_MS);
    const readBefore = lost.watchState.cursor?.at ?? 0;
    deployment.change((status) => windowClosed(status, lost));
    if (unable) callForHelp(unable);
    for (let isFailing = unable !== undefined; ; ) {
      // As soon as an attempt succeeds, the status says so.
      const until = isFailing ? Math.min(giveUpAt, Date.now() + 2 * watch.pollMs) : giveUpAt;
      const asked = { ...input, watchState: lost.watchState, until, healthyFrom: begunAt };
      try {
        const found = await closed(asked, { lateMs });
        if ((found.watchState.cursor?.at ?? 0) > readBefore) {
          notifyOfUnwatched(deployment, step, found.from - lost.to, found);
          return found;
        }
        if (!isFailing || Date.now() >= giveUpAt) throw evidenceLost(lost, found.reason);
      } catch (error) {
        if (deployment.scope.consideredCancelled || error instanceof RollbackRequired) throw error;
        if (!isUnable(error) || Date.now() >= giveUpAt) throw evidenceLost(lost, errorMessage(error));
        callForHelp(error);
        isFailing = true;
      }
    }

    function callForHelp(failure: ActivityFailure): void {
      const reason = errorMessage(failure);
      const isFirst = currentStep(deployment.status())?.unwatched === undefined;
      deployment.change((status) => watchFailed(status, { reason, since: lost.to, until: giveUpAt }));
      if (isFirst) notifyOfFailedWatch(deployment, step, { reason, since: lost.to, until: giveUpAt });
    }
  }

  async function closed(
    asked: WatchInput,
    { lateMs = watch.maxUnwatchedMs, early }: { lateMs?: number; early?: (() => boolean) | undefined },
  ): Promise<WindowResult> {
    const boundMs = Math.max(0, asked.until - Date.now()) + lateMs;
    return CancellationScope.cancellable(async () => {
      const closing = workForSure(`watch at ${percentage} %`, boundMs, 0).watchWindow(asked);
      if (!early) return await (patched('leave-soak-at-once') ? untilLeft(closing) : closing);
      await Promise.race([closing, condition(early)]);
      CancellationScope.current().cancel();
      return await closing;
    });
  }

  /**
   * Once the soak is left, nobody waits for its window: the activity learns of that with its next heartbeat, and there are few. What
   * it has seen is in the report if it comes in time; its doubts are not, since the rollback moves the traffic meanwhile.
   */
  async function untilLeft(closing: Promise<WindowResult>): Promise<WindowResult> {
    try {
      return await Promise.race([closing, CancellationScope.current().cancelRequested]);
    } catch (error) {
      const report = (late: WindowResult) =>
        deployment.change((status) =>
          windowClosed(status, late.verdict === 'inconclusive' ? { ...late, ...LEFT } : late),
        );
      void closing.then(report, () => undefined);
      throw error;
    }
  }
}

function evidenceLost({ to }: WindowResult, why: string): RollbackRequired {
  const now = Date.now();
  return new RollbackRequired('evidence-lost', `Nobody could watch for ${roughly(now - to)}: ${why}`, now);
}

/** No worker gave a verdict in the time that the window had, however often it was tried. */
function isTimedOut(error: unknown): boolean {
  return error instanceof ActivityFailure && (error.cause instanceof TimeoutFailure || error.retryState === 'TIMEOUT');
}

function isHeld(error: unknown): boolean {
  return error instanceof ActivityFailure && error.cause?.message === HELD_IN_TEMPORAL;
}

/** Its worker was lost; or it was cancelled between two attempts, when no worker was there to give a verdict. */
function isUnattended(error: unknown): boolean {
  if (!(error instanceof ActivityFailure)) return false;
  const { cause } = error;
  return cause instanceof CancelledFailure || (cause instanceof TimeoutFailure && cause.timeoutType === 'HEARTBEAT');
}

/** Workers are there, and all of their attempts failed. */
function isUnable(error: unknown): error is ActivityFailure {
  return error instanceof ActivityFailure && lastAnswer(error)?.type === FAILURE.CannotWatch;
}

function seenLast(error: unknown): WindowResult | undefined {
  if (!(error instanceof ActivityFailure)) return undefined;
  const { cause } = error;
  const beat = (cause instanceof TimeoutFailure ? cause.lastHeartbeatDetails : lastAnswer(error)?.details?.[0]) as
    | WatchHeartbeat
    | undefined;
  if (!beat) return undefined;
  const { latest: _, problem: __, ...window } = beat;
  return { ...window, ...UNATTENDED };
}

function nothingSeen(
  from: number,
  { rules, watchState }: WatchInput,
  why: Pick<WindowResult, 'verdict' | 'reason'>,
): WindowResult {
  const none = { requests: 0, failed: 0, slow: rules.limits.latency ? 0 : null };
  return { ...why, from, to: from, green: none, blue: none, watchState };
}
