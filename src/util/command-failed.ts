import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '../domain/index.ts';

/**
 * The platform or the router refuses a change. It is not asked again, unless a rollback has to be. The message is kept in the
 * history for ever: no secrets, no addresses.
 */
export function commandFailed(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, FAILURE.CommandFailed);
}

/** The traffic can be read, and its parts (processes, routes) disagree: the message names two of them, with what each has. */
export function trafficDisagrees(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, FAILURE.TrafficDisagrees);
}
