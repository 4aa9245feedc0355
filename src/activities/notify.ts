import { log } from '@temporalio/activity';
import { createNotifier } from '../notifications/create-notifier.ts';
import type { Activities } from './activities.ts';
import { attended } from './attendance.ts';
import type { Dependencies } from './dependencies.ts';

export function notify({ runbooks, env }: Dependencies): Activities['notify'] {
  return (notification) =>
    attended(async ({ signal }) => {
      const { runbook } = await runbooks.pinnedOrCurrent(notification.target);
      await createNotifier(runbook.notifications, env, log)(notification, signal);
    });
}
