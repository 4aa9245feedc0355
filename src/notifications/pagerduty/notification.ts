import type { NotificationEvent } from '../../domain/index.ts';
import { type NotificationMessage, notificationKind } from '../../plugin/index.ts';
import { envName, httpUrl } from '../../runbook/index.ts';
import { send } from '../http.ts';
import { shortKey } from '../keys.ts';
import { problemsOf, tokenIn } from '../settings.ts';

/** These end the incident of a deployment. The others open it, or add to it. */
const RESOLVING: readonly NotificationEvent[] = ['rolled-back', 'completed'];

export const pagerdutyNotification = notificationKind({
  kind: 'pagerduty',
  summary: 'PagerDuty (Events API v2): one incident per deployment, resolved by `rolled-back` and `completed`.',
  defaultEvents: ['undecided', 'rollback-stalled', ...RESOLVING],
  schema: (base) =>
    base
      .extend({
        routingKeyEnv: envName.describe("The variable of the worker that holds the integration's routing key."),
        url: httpUrl()
          .prefault('https://events.pagerduty.com')
          .describe('Where the Events API is; the EU has its own.'),
      })
      .refine(({ events }) => RESOLVING.every((event) => events.includes(event)), {
        path: ['events'],
        message: `expected ${RESOLVING.join(' and ')} among the events: they resolve the incident`,
      }),
  secretKeys: ['routingKeyEnv'],
  create: ({ routingKeyEnv, url }, { env }) => ({
    async notify(message, signal) {
      const body = pagerdutyEvent(message, tokenIn(routingKeyEnv, env));
      await send({ name: 'PagerDuty', url: `${url.replace(/\/+$/, '')}/v2/enqueue`, body }, signal);
    },
    preflight: async () => problemsOf({ [routingKeyEnv]: () => tokenIn(routingKeyEnv, env) }),
  }),
});

/** Bounds of the API, in characters. */
const LONGEST_SUMMARY = 1_024;
const LONGEST_KEY = 255;

function pagerdutyEvent(message: NotificationMessage, routingKey: string) {
  const { event, severity, text, target, command, link } = message;
  const { service, environment, blue, green } = target;
  // The same incident, however often the deployment sends.
  const common = { routing_key: routingKey, dedup_key: shortKey(target.deployment, LONGEST_KEY) };
  // A rollback after which green still gets requests is critical: it is not over for those who send them.
  const isOver = event !== undefined && RESOLVING.includes(event) && severity !== 'critical';
  if (isOver) return { ...common, event_action: 'resolve' };
  return {
    ...common,
    event_action: 'trigger',
    payload: {
      summary: text.slice(0, LONGEST_SUMMARY),
      source: `${service} in ${environment}`,
      severity,
      component: service,
      class: event,
      custom_details: { environment, blue, green, command },
    },
    client: 'bluegreen',
    ...(link !== undefined && { client_url: link, links: [{ href: link, text: 'Open the deployment' }] }),
  };
}
