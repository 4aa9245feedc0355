import { type NotificationMessage, notificationKind } from '../../plugin/index.ts';
import { type CloudEvent, receiverKeys, receiverProblems, sendCloudEvent } from '../cloud-event.ts';

export const cloudEventsNotification = notificationKind({
  kind: 'cloudevents',
  summary: 'A CloudEvent (1.0, structured JSON) by HTTP POST, such as to Knative or an event bus.',
  schema: (base) => base.extend(receiverKeys),
  secretKeys: ['urlEnv', 'tokenEnv'],
  create: (receiver, { env }) => ({
    notify: (message, signal) => sendCloudEvent(receiver, { event: cloudEvent(message), env, signal }),
    preflight: async () => receiverProblems(receiver, env),
  }),
});

function cloudEvent(message: NotificationMessage): CloudEvent {
  const { key, event = 'notification', at, greenPercentage, severity, text, target, command, link } = message;
  const { deployment, service, environment, blue, green } = target;
  return {
    id: key,
    source: `/${deployment}`,
    type: `dev.bluegreen.deployment.${event}`,
    subject: `${environment}/${service}`,
    ...(at !== undefined && { time: new Date(at).toISOString() }),
    data: { severity, text, service, environment, blue, green, greenPercentage, command, link },
  };
}
