import { type NotificationMessage, notificationKind } from '../../plugin/index.ts';
import { envName } from '../../runbook/index.ts';
import { headline } from '../headline.ts';
import { send } from '../http.ts';
import { problemsOf, urlIn } from '../settings.ts';

export const teamsNotification = notificationKind({
  kind: 'teams',
  summary: 'Microsoft Teams, by the webhook of a workflow ("Post to a channel when a webhook request is received").',
  schema: (base) =>
    base.extend({ urlEnv: envName.describe('The variable of the worker that holds the URL of the webhook.') }),
  secretKeys: ['urlEnv'],
  create: ({ urlEnv }, { env }) => ({
    async notify(message, signal) {
      const url = urlIn(urlEnv, env);
      const headers = { 'idempotency-key': message.key };
      await send({ name: `the webhook in ${urlEnv}`, url, headers, body: teamsMessage(message) }, signal);
    },
    preflight: async () => problemsOf({ [urlEnv]: () => urlIn(urlEnv, env) }),
  }),
});

const COLOR = { info: 'accent', warning: 'warning', critical: 'attention' } as const;

/** A message with one Adaptive Card. */
function teamsMessage(message: NotificationMessage) {
  const { severity, text, command, link } = message;
  const block = (words: string, more: object = {}) => ({ type: 'TextBlock', text: words, wrap: true, ...more });
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          body: [
            block(literal(headline(message)), { weight: 'bolder', color: COLOR[severity] }),
            block(literal(text)),
            ...(command === undefined ? [] : [block(command, { fontType: 'monospace' })]),
          ],
          ...(link !== undefined && { actions: [{ type: 'Action.OpenUrl', title: 'Open the deployment', url: link }] }),
        },
      },
    ],
  };
}

/** A text block reads Markdown: names with `_` or `*`, and links in a reason that somebody wrote. */
function literal(text: string): string {
  return text.replace(/[\\*_[\]`]/g, '\\$&');
}
