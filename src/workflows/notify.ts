import { CancellationScope, log } from '@temporalio/workflow';
import { type Notification, type NotificationEvent, notificationGivenUp, rollbackPromise } from '../domain/index.ts';
import { work } from './activity-proxy.ts';
import type { Deployment } from './deployment.ts';
import { errorMessage } from './failures.ts';
import { aboutDeployment } from './log.ts';

/** Bound of one attempt to tell people. Nothing waits for it but the end of a rollback, which would cut it off. */
const TELL_MS = 15_000;

/**
 * Tells people. Neither a failure nor a cancellation of the deployment gets in its way, nor it in theirs: what could not be
 * delivered is kept in the state.
 */
export function notify(
  deployment: Deployment,
  event: NotificationEvent,
  severity: Notification['severity'],
  text: string,
): Promise<void> {
  const { target } = deployment.plan();
  const at = Date.now();
  return CancellationScope.nonCancellable(() =>
    work(`notify: ${severity}`, TELL_MS, TELL_MS).notify({ target, event, severity, text }),
  ).catch((error: unknown) => {
    const problem = errorMessage(error);
    log.error('a notification could not be delivered', {
      ...aboutDeployment(deployment.status()),
      text,
      problem,
    });
    deployment.change((status) => notificationGivenUp(status, { at, severity, text, problem }));
  });
}

/**
 * Notifies people that a rollback will not undo everything, if so and if it differs from what was `announced` before: before
 * green is deployed, and again before the first shift if more was found since. Returns what was announced.
 */
export function notifyOfForwardOnly(deployment: Deployment, announced?: string): string | undefined {
  const { service, version, environment } = deployment.status();
  const promise = rollbackPromise(deployment.status());
  if (promise !== undefined && promise !== announced)
    void notify(
      deployment,
      'forward-only',
      'warning',
      `${service} ${version} in ${environment} has forward-only migrations. ${promise}.`,
    );
  return promise;
}
