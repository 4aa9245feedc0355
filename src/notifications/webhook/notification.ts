import { notificationKind } from '../../plugin/index.ts';
import { envName } from '../../runbook/index.ts';
import { postToWebhook, webhookProblem } from './post.ts';

export const webhookNotification = notificationKind({
  kind: 'webhook',
  summary: 'An HTTP POST.',
  schema: (base) =>
    base.extend({ urlEnv: envName.describe("The variable in the worker's environment that holds the URL.") }),
  secretKeys: ['urlEnv'],
  create: ({ urlEnv }, { env }) => ({
    notify: (notification, signal) => postToWebhook(urlEnv, notification, env, signal),
    async preflight() {
      const found = webhookProblem(urlEnv, env);
      const unblock = `set ${urlEnv} in the worker's environment and restart the worker, or correct "notifications" in the runbook`;
      return found === undefined ? [] : [{ found, unblock }];
    },
  }),
});
