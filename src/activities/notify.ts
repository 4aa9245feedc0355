import { Context, log } from '@temporalio/activity';
import type { Activities } from '../domain/index.ts';
import { createNotifier } from '../notifications/index.ts';
import type { Dependencies } from './dependencies.ts';
import { withHeartbeat } from './with-heartbeat.ts';

export function notify({ runbooks, env }: Dependencies): Activities['notify'] {
  return (notification) =>
    withHeartbeat(async ({ signal, heartbeat }) => {
      // One channel that is down must not make the others repeat the message with each attempt.
      const delivered = new Set((Context.current().info.heartbeatDetails as number[] | undefined) ?? []);
      const { runbook } = await runbooks.pinnedOrCurrent(notification.target);
      await createNotifier(runbook.notifications, env, log)(notification, signal, delivered).finally(() =>
        heartbeat([...delivered]),
      );
    });
}
