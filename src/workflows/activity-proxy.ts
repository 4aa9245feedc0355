import {
  ActivityCancellationType,
  ActivityFailure,
  type ActivityOptions,
  ApplicationFailure,
  CancellationScope,
  patched,
  proxyActivities,
  sleep,
  TimeoutFailure,
} from '@temporalio/workflow';
import { type Activities, FAILURE } from '../domain/index.ts';

/** A worker that stops answering is believed lost after this long; another one goes on. */
const HEARTBEAT_TIMEOUT_MS = 10_000;
/** Long enough for a worker to be replaced, short enough that nobody waits for ever. */
const REPLACEMENT_MS = 120_000;

/** So long after the server should have ended an activity, the workflow does. */
const SERVER_LATE_MS = 5_000;
/** Why an activity that a timer of the workflow ended was late. */
export const HELD_IN_TEMPORAL = 'it was paused, or its timeouts were changed, in Temporal';

/** What the answers hold at least that the traffic depends on. */
const ANSWERS = {
  deployGreen: ['evidence'],
  shiftTraffic: ['shiftedAt', 'evidence'],
  watchWindow: ['verdict', 'reason', 'from', 'to', 'green', 'blue', 'watchState'],
  restoreTraffic: ['restoredAt', 'evidence'],
  verifyRecovery: ['healthyAt', 'evidence'],
  guardTraffic: [],
} as const satisfies { readonly [Name in keyof Activities]?: readonly string[] };

type Guarded = keyof typeof ANSWERS;

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

/**
 * The same for what the traffic depends on. People can pause an activity, change its timeouts and complete it with anything, in
 * Temporal's UI: the server then ends it never, or with an answer that says nothing. A timer ends the first, as a timeout does;
 * the second is refused.
 */
export function workForSure(
  summary: string,
  boundMs: number,
  lossMs: number = REPLACEMENT_MS,
): Pick<Activities, Guarded> {
  const activities = work(summary, boundMs, lossMs);
  return new Proxy(activities, {
    get: (_, name: Guarded) => (input: never) => {
      const call = (): Promise<unknown> => activities[name](input);
      // As it was for the deployments that began before: one more tick may change the order of their steps.
      if (!patched('end-paused-activities')) return call();
      return forSure(name, call, { summary, limitMs: boundMs + lossMs + SERVER_LATE_MS });
    },
  });
}

async function forSure(
  name: Guarded,
  call: () => Promise<unknown>,
  { summary, limitMs }: { readonly summary: string; readonly limitMs: number },
): Promise<unknown> {
  const running = new CancellationScope();
  // The cancellation of the deployment does not end this: the activity may be seen to its end then.
  const timing = new CancellationScope({ cancellable: true, parent: new CancellationScope({ cancellable: false }) });
  let hasAnswered = false;
  const over = (): void => {
    hasAnswered = true;
  };
  const answered = running.run(() => {
    const calling = call();
    calling.then(over, over);
    return calling;
  });
  const late = timing.run(() => sleep(limitMs, { summary: `latest end: ${summary}` }));
  await Promise.race([answered, late]).catch(() => {});
  timing.cancel();
  late.catch(() => {});
  // While no worker was there both may have come: what the server says of the end has the last heartbeat.
  if (hasAnswered) return checked(name, await answered);
  running.cancel();
  answered.catch(() => {});
  const cause = new TimeoutFailure(HELD_IN_TEMPORAL, undefined, 'SCHEDULE_TO_CLOSE');
  throw new ActivityFailure(HELD_IN_TEMPORAL, name, undefined, 'TIMEOUT', undefined, cause);
}

/** @throws ApplicationFailure where this cannot be an answer of ours. */
function checked(name: Guarded, answer: unknown): unknown {
  const given = typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>) : undefined;
  if (given && ANSWERS[name].every((key) => given[key] !== undefined)) return answer;
  throw ApplicationFailure.nonRetryable(`${name} was completed by hand in Temporal, with something that is no answer`);
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
