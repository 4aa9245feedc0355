import { DefaultFailureConverter } from '@temporalio/common';
import {
  ActivityFailure,
  ApplicationFailure,
  defaultPayloadConverter,
  isCancellation,
  rootCause,
  TimeoutFailure,
} from '@temporalio/workflow';
import { progressOf, progressWords, type RollbackCause } from '../domain/index.ts';
import { HELD_IN_TEMPORAL } from './activity-proxy.ts';

/** Thrown by a step that knows why the deployment must not go on. */
export class RollbackRequired extends Error {
  override readonly name = 'MustRollBack';
  /** An answer and no accident: see {@link withoutStack}. */
  override readonly stack = '';
  readonly why: RollbackCause;
  readonly detectedAt: number;

  constructor(why: RollbackCause, reason: string, detectedAt: number) {
    super(reason);
    this.why = why;
    this.detectedAt = detectedAt;
  }
}

/** An error of a step in words: the innermost message, since Temporal's own wrappers say only "Activity task failed". */
export function errorMessage(error: unknown): string {
  if (isCancellation(error)) return 'cancelled';
  const answer = lastAnswer(error)?.message;
  if (error instanceof ActivityFailure && error.cause instanceof TimeoutFailure)
    return `${error.activityType} did not end in its time: ${answer ?? whyLate(error.activityType, error.cause)}`;
  return answer ?? rootCause(error) ?? String(error);
}

/** What an activity answered in its last attempt, or in the one before if that was cut off by the end of the activity's time. */
export function lastAnswer(error: unknown): ApplicationFailure | undefined {
  if (!(error instanceof ActivityFailure)) return undefined;
  let cause: unknown = error.cause;
  while (cause instanceof TimeoutFailure) cause = causeOf(cause);
  return cause instanceof ApplicationFailure ? cause : undefined;
}

const FAILURES = new DefaultFailureConverter();

/** The SDK leaves the cause of a time-out in the protobuf message that it was read from. */
function causeOf({ failure }: TimeoutFailure): Error | undefined {
  return failure?.cause ? FAILURES.failureToError(failure.cause, defaultPayloadConverter) : undefined;
}

/** Whom an activity waits for: it may be they who do not answer. */
const ASKED: Readonly<Record<string, string>> = {
  shiftTraffic: 'the router',
  restoreTraffic: 'the router',
  deployGreen: 'the platform',
  retireBlue: 'the platform',
  readBaseline: 'the metrics',
  watchWindow: 'the metrics',
  notify: 'the receiver',
};
const LOST = 'its worker was lost or stood still, or none was there';

/** What the last attempt said of itself at last: of a lost worker's nobody says more. A worker that is there sends heartbeats. */
function whyLate(activity: string, { timeoutType, lastHeartbeatDetails, message }: TimeoutFailure): string {
  if (message === HELD_IN_TEMPORAL) return message;
  if (timeoutType === 'SCHEDULE_TO_START') return 'no worker took it from its task queue';
  const why = timeoutType === 'HEARTBEAT' ? LOST : `${ASKED[activity] ?? 'what it asks'} did not answer, or ${LOST}`;
  const last = progressWords(progressOf(lastHeartbeatDetails), Date.now());
  return `${why}${last === '' ? '' : `; at the end: ${last}`}`;
}

/** For a failure that is an answer and no accident: the UI puts the stack between its message and what people look for. */
export function withoutStack(failure: ApplicationFailure): ApplicationFailure {
  failure.stack = '';
  return failure;
}
