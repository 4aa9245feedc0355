import { Context, type Info, log } from '@temporalio/activity';
import type { Activities } from '../domain/index.ts';
import { type DeliveryProgress, deliver, toMessage } from '../notifications/index.ts';
import type { Dependencies } from './dependencies.ts';
import { portsOf } from './ports.ts';
import { withHeartbeat } from './with-heartbeat.ts';

export function notify(dependencies: Dependencies): Activities['notify'] {
  return ({ references = {}, ...notification }) =>
    withHeartbeat(async ({ signal, heartbeat }) => {
      const { info } = Context.current();
      // One notifier that fails must not make the others repeat the message with each attempt.
      const progress: DeliveryProgress = info.heartbeatDetails ?? { delivered: [], references, retryAt: {} };
      const { runbook } = await dependencies.runbooks.pinnedOrCurrent(notification.target);
      const notifiers = portsOf(dependencies, runbook, notification.target).notifiers();
      const message = toMessage(notification, { key: keyOf(info), namespace: info.namespace, env: dependencies.env });
      await deliver(message, { notifiers, progress, log, signal }).finally(() => heartbeat(progress));
      return Object.keys(progress.references).length > 0 ? { references: progress.references } : undefined;
    });
}

/** One activity is one notification, in all its attempts. */
function keyOf({ workflowExecution, activityId }: Info): string {
  return `${workflowExecution?.workflowId}/${workflowExecution?.runId}/${activityId}`;
}
