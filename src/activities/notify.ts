import { Context, type Info, log } from '@temporalio/activity';
import type { Activities } from '../domain/index.ts';
import { deliver, toMessage } from '../notifications/index.ts';
import type { Dependencies } from './dependencies.ts';
import { portsOf } from './ports.ts';
import { withHeartbeat } from './with-heartbeat.ts';

export function notify(dependencies: Dependencies): Activities['notify'] {
  return (notification) =>
    withHeartbeat(async ({ signal, heartbeat }) => {
      const { info } = Context.current();
      // One notifier that fails must not make the others repeat the message with each attempt.
      const delivered = new Set((info.heartbeatDetails as number[] | undefined) ?? []);
      const { runbook } = await dependencies.runbooks.pinnedOrCurrent(notification.target);
      const notifiers = portsOf(dependencies, runbook, notification.target).notifiers();
      const message = toMessage(notification, { key: keyOf(info), namespace: info.namespace, env: dependencies.env });
      await deliver(message, { notifiers, delivered, log, signal }).finally(() => heartbeat([...delivered]));
    });
}

/** One activity is one notification, in all its attempts. */
function keyOf({ workflowExecution, activityId }: Info): string {
  return `${workflowExecution?.workflowId}/${workflowExecution?.runId}/${activityId}`;
}
