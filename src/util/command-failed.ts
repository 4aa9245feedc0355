import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '../domain/index.ts';

/**
 * The platform or the router refuses a change. It is not asked again, unless a rollback has to be. The message is kept in the
 * history for ever: no secrets, no addresses.
 */
export function commandFailed(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, FAILURE.CommandFailed);
}
