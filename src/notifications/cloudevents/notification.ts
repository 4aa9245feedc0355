import { type NotificationMessage, notificationKind } from '../../plugin/index.ts';
import { envName } from '../../runbook/index.ts';
import { send } from '../http.ts';
import { problemsOf, tokenIn, urlIn } from '../settings.ts';

export const cloudEventsNotification = notificationKind({
  kind: 'cloudevents',
  summary: 'A CloudEvent (1.0, structured JSON) by HTTP POST, such as to Knative or an event bus.',
  schema: (base) =>
    base.extend({
      urlEnv: envName.describe('The variable of the worker that holds the URL.'),
      tokenEnv: envName.optional().describe('The variable of the worker that holds a bearer token for it.'),
    }),
  secretKeys: ['urlEnv', 'tokenEnv'],
  create: ({ urlEnv, tokenEnv }, { env }) => ({
    async notify(message, signal) {
      const url = urlIn(urlEnv, env);
      const headers = {
        'content-type': 'application/cloudevents+json; charset=utf-8',
        ...(tokenEnv !== undefined && { authorization: `Bearer ${tokenIn(tokenEnv, env)}` }),
      };
      await send({ name: `the receiver in ${urlEnv}`, url, headers, body: cloudEvent(message) }, signal);
    },
    preflight: async () =>
      problemsOf({
        [urlEnv]: () => urlIn(urlEnv, env),
        ...(tokenEnv !== undefined && { [tokenEnv]: () => tokenIn(tokenEnv, env) }),
      }),
  }),
});

/** `source` and `id` together are unique, and the same in each attempt. */
function cloudEvent(message: NotificationMessage) {
  const { key, event = 'notification', at, greenPercentage, severity, text, target, command, link } = message;
  const { deployment, service, environment, blue, green } = target;
  return {
    specversion: '1.0',
    id: key,
    source: `/${deployment}`,
    type: `dev.bluegreen.deployment.${event}`,
    subject: `${environment}/${service}`,
    ...(at !== undefined && { time: new Date(at).toISOString() }),
    datacontenttype: 'application/json',
    data: { severity, text, service, environment, blue, green, greenPercentage, command, link },
  };
}
