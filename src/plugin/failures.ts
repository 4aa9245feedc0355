import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '../domain/index.ts';

/** The errors that ports throw. Messages are kept in the history for ever: no secrets, no addresses. */

/** A version is not healthy now. It is asked again. */
export function greenUnhealthy(message: string): ApplicationFailure {
  return ApplicationFailure.retryable(message, FAILURE.GreenUnhealthy);
}

/** A version is not healthy and will not be, whatever time it gets: nobody has to wait for it. */
export function greenNeverHealthy(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, FAILURE.GreenUnhealthy);
}

/** The metrics cannot be read now. They are read again. */
export function metricsUnavailable(message: string): ApplicationFailure {
  return ApplicationFailure.retryable(message, FAILURE.MetricsUnavailable);
}
