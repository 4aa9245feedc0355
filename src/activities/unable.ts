import { Context, type Info } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { FAILURE, type WatchHeartbeat } from '../domain/index.ts';
import { messageOf } from '../util/index.ts';

/** A workflow does not see the attempts of an activity: after this long it learns of those that fail. */
const UNABLE_MS = 30_000;

/** The same activity, where `failure` says what a failed attempt throws. */
export function failingWith<Input, Result>(
  failure: (error: unknown, attempt: Attempt) => unknown,
  activity: (input: Input) => Promise<Result>,
): (input: Input) => Promise<Result> {
  return async (input) => {
    const { info } = Context.current();
    try {
      return await activity(input);
    } catch (error) {
      throw failure(error, info);
    }
  };
}

type Attempt = Pick<Info, 'attempt' | 'scheduledTimestampMs' | 'heartbeatDetails'>;

/**
 * What a failed attempt of a window throws. At first that is its own error, which is retried here or on another worker. Once nobody has
 * watched for {@link UNABLE_MS}, it is `CannotWatch`, which ends the activity, so that the workflow can notify people. Its details
 * are what was seen before.
 */
export function unableToWatch(error: unknown, attempt: Attempt): unknown {
  const kept = attempt.heartbeatDetails as WatchHeartbeat | undefined;
  if (error instanceof CancelledFailure || !hasFailedSince(kept?.to ?? attempt.scheduledTimestampMs, attempt))
    return error;
  return ApplicationFailure.create({
    message: messageOf(error),
    type: FAILURE.CannotWatch,
    nonRetryable: true,
    details: kept ? [kept] : [],
    ...(error instanceof Error && { cause: error }),
  });
}

/**
 * The same for a step of a rollback: a worker that cannot even begin, for want of the runbook or of a plugin, ends it after
 * {@link UNABLE_MS}. The rollback has stalled then, which people are notified of, and is tried again.
 */
export function unableToRollBack(error: unknown, attempt: Attempt): unknown {
  const isUnable = error instanceof ApplicationFailure && error.type === FAILURE.RunbookUnavailable;
  if (!isUnable || !hasFailedSince(attempt.scheduledTimestampMs, attempt)) return error;
  return ApplicationFailure.nonRetryable(error.message, FAILURE.RunbookUnavailable);
}

function hasFailedSince(at: number, { attempt }: Attempt): boolean {
  return attempt > 1 && Date.now() - at >= UNABLE_MS;
}
