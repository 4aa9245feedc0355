import { type NotificationMessage, notificationKind } from '../../plugin/index.ts';
import { envName } from '../../runbook/index.ts';
import { send } from '../http.ts';
import { problemsOf, urlIn } from '../settings.ts';

export const webhookNotification = notificationKind({
  kind: 'webhook',
  summary: 'An HTTP POST.',
  schema: (base) =>
    base.extend({ urlEnv: envName.describe("The variable in the worker's environment that holds the URL.") }),
  secretKeys: ['urlEnv'],
  create: ({ urlEnv }, { env }) => ({
    async notify(message, signal) {
      const url = urlIn(urlEnv, env);
      const headers = { 'idempotency-key': message.key };
      await send({ name: `the webhook in ${urlEnv}`, url, headers, body: bodyOf(message) }, signal);
    },
    preflight: async () => problemsOf({ [urlEnv]: () => urlIn(urlEnv, env) }),
  }),
});

/** Chat services show `text`. */
function bodyOf({ text, severity, event, target, command, link }: NotificationMessage) {
  const { service, environment, green: version } = target;
  return { text, severity, event, service, environment, version, command, link };
}
