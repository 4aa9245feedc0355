import type { Info } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { FAILURE, type WatchHeartbeat } from '../domain/index.ts';
import { messageOf } from '../util/index.ts';

/** A workflow does not see the attempts of an activity: after this long without a watch it learns of their failures. */
const UNABLE_MS = 30_000;

/**
 * What a failed attempt of a window throws. At first that is its own error, which is retried here or on another worker. Once nobody has
 * watched for {@link UNABLE_MS}, it is `CannotWatch`, which ends the activity, so that the workflow can notify people. Its details
 * are what was seen before.
 */
export function unableToWatch(
  error: unknown,
  {
    attempt,
    scheduledTimestampMs,
    heartbeatDetails,
  }: Pick<Info, 'attempt' | 'scheduledTimestampMs' | 'heartbeatDetails'>,
): unknown {
  const kept = heartbeatDetails as WatchHeartbeat | undefined;
  if (error instanceof CancelledFailure) return error;
  const isNews = attempt === 1 || Date.now() - (kept?.to ?? scheduledTimestampMs) < UNABLE_MS;
  if (isNews) return error;
  return ApplicationFailure.create({
    message: messageOf(error),
    type: FAILURE.CannotWatch,
    nonRetryable: true,
    details: kept ? [kept] : [],
    ...(error instanceof Error && { cause: error }),
  });
}
