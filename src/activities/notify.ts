import { Context, log } from '@temporalio/activity';
import type { Activities } from '../domain/index.ts';
import { deliver } from '../notifications/index.ts';
import type { Dependencies } from './dependencies.ts';
import { portsOf } from './ports.ts';
import { withHeartbeat } from './with-heartbeat.ts';

export function notify(dependencies: Dependencies): Activities['notify'] {
  return (notification) =>
    withHeartbeat(async ({ signal, heartbeat }) => {
      // One notifier that fails must not make the others repeat the message with each attempt.
      const delivered = new Set((Context.current().info.heartbeatDetails as number[] | undefined) ?? []);
      const { runbook } = await dependencies.runbooks.pinnedOrCurrent(notification.target);
      const notifiers = portsOf(dependencies, runbook, notification.target).notifiers();
      await deliver(notification, { notifiers, delivered, log, signal }).finally(() => heartbeat([...delivered]));
    });
}
