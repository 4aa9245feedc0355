import { ActivityCancellationType, type ActivityOptions, proxyActivities } from '@temporalio/workflow';
import { type Activities, FAILURE } from '../domain/index.ts';

/** A worker that stops answering is believed lost after this long; another one goes on. */
const HEARTBEAT_TIMEOUT_MS = 10_000;
/** Long enough for a worker to be replaced, short enough that nobody waits for ever. */
const REPLACEMENT_MS = 120_000;

/** Answers of the world that asking again does not change. */
const FINAL = [
  FAILURE.InvalidRequest,
  FAILURE.CommandFailed,
  FAILURE.NotInEffect,
  FAILURE.GreenUnhealthy,
  FAILURE.MetricsUnusable,
] as const;

/**
 * The activities with their bounds. Attempts are not counted: a worker may be killed any number of times without
 * changing the outcome, so the bound is time. `boundMs` is how long one attempt may work; `lossMs` what a lost worker
 * may cost on top.
 */
export function work(summary: string, boundMs: number, lossMs: number = REPLACEMENT_MS): Activities {
  return proxyActivities<Activities>(boundsOf(summary, boundMs, lossMs));
}

/** The same by the workers of another task queue; without one, of the workflow's own. */
export function workOn(taskQueue: string | undefined, summary: string, boundMs: number): Activities {
  if (taskQueue === undefined) return work(summary, boundMs);
  return proxyActivities<Activities>({ ...boundsOf(summary, boundMs, REPLACEMENT_MS), taskQueue });
}

/** The same for what is not worth many tries: it is given up after so many attempts, and a lost worker's counts as one. */
export function workAtMost(attempts: number, summary: string, boundMs: number): Activities {
  const bounds = boundsOf(summary, boundMs, REPLACEMENT_MS);
  return proxyActivities<Activities>({ ...bounds, retry: { ...bounds.retry, maximumAttempts: attempts } });
}

function boundsOf(summary: string, boundMs: number, lossMs: number): ActivityOptions {
  return {
    summary,
    startToCloseTimeout: boundMs,
    scheduleToCloseTimeout: boundMs + lossMs,
    heartbeatTimeout: Math.min(HEARTBEAT_TIMEOUT_MS, boundMs), // as the server makes it
    // What was begun is seen to its end: a command is stopped, a window gives its verdict.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: 1_000, backoffCoefficient: 1, nonRetryableErrorTypes: [...FINAL] },
  };
}
