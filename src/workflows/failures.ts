import { ActivityFailure, ApplicationFailure, isCancellation, rootCause, TimeoutFailure } from '@temporalio/workflow';
import { progressOf, progressWords, type RollbackCause } from '../domain/index.ts';

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
  if (error instanceof ActivityFailure && error.cause instanceof TimeoutFailure)
    return `${error.activityType} did not end in its time (${error.cause.timeoutType}): ${whyTimedOut(error.cause)}`;
  if (error instanceof ActivityFailure && error.cause instanceof ApplicationFailure) return error.cause.message;
  return rootCause(error) ?? String(error);
}

/** What stopped the last attempt, or what that said of itself at last: of a lost worker's nobody says more. */
function whyTimedOut(timeout: TimeoutFailure): string {
  const failures: unknown[] = [timeout];
  for (let cause = timeout.cause; cause; cause = (cause as { cause?: Error }).cause) failures.push(cause);
  const answer = failures.find((one) => one instanceof ApplicationFailure);
  if (answer instanceof ApplicationFailure) return answer.message;
  const beats = failures.map((one) => (one instanceof TimeoutFailure ? one.lastHeartbeatDetails : undefined));
  const last = progressWords(progressOf(beats.find((beat) => beat !== undefined)), Date.now());
  return `its worker was lost or stood still, or none was there${last === '' ? '' : `; at the end: ${last}`}`;
}

/** For a failure that is an answer and no accident: the UI puts the stack between its message and what people look for. */
export function withoutStack(failure: ApplicationFailure): ApplicationFailure {
  failure.stack = '';
  return failure;
}
