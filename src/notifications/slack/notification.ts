import { z } from 'zod';
import { type NotificationMessage, notificationKind } from '../../plugin/index.ts';
import { envName, httpUrl } from '../../runbook/index.ts';
import { send } from '../http.ts';
import { problemsOf, tokenIn, urlIn } from '../settings.ts';
import { slackMessage, slackThread } from './blocks.ts';

export const slackNotification = notificationKind({
  kind: 'slack',
  summary:
    'Slack, by an incoming webhook (`urlEnv`) or as a bot with one thread per deployment (`tokenEnv` and `channel`).',
  schema: (base) =>
    base
      .extend({
        urlEnv: envName.optional().describe('The variable of the worker that holds the URL of the incoming webhook.'),
        tokenEnv: envName
          .optional()
          .describe('The variable of the worker that holds the token of a bot with the scope `chat:write`.'),
        channel: z
          .string()
          .min(1)
          .optional()
          .describe('The id of the channel that the bot writes to, such as C024BE91L.'),
        url: httpUrl().prefault('https://slack.com').describe('Where the Slack API is, for the bot.'),
      })
      .refine(
        ({ urlEnv, tokenEnv, channel }) =>
          urlEnv === undefined
            ? tokenEnv !== undefined && channel !== undefined
            : tokenEnv === undefined && channel === undefined,
        'expected either urlEnv, or tokenEnv and channel',
      ),
  secretKeys: ['urlEnv', 'tokenEnv'],
  create: ({ urlEnv, tokenEnv = '', channel = '', url }, { env }) =>
    urlEnv === undefined ? bot({ tokenEnv, channel, url, env }) : incomingWebhook(urlEnv, env),
});

function incomingWebhook(urlEnv: string, env: NodeJS.ProcessEnv) {
  return {
    async notify(message: NotificationMessage, signal: AbortSignal) {
      const url = urlIn(urlEnv, env);
      const headers = { 'idempotency-key': message.key };
      await send({ name: `the webhook in ${urlEnv}`, url, headers, body: slackMessage(message) }, signal);
    },
    preflight: async () => problemsOf({ [urlEnv]: () => urlIn(urlEnv, env) }),
  };
}

interface Bot {
  readonly tokenEnv: string;
  readonly channel: string;
  readonly url: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Slack answers what it refuses with HTTP status 200 and a code. */
interface SlackAnswer {
  readonly ok?: boolean;
  readonly error?: string;
  readonly ts?: string;
  readonly channel?: string;
}

/** The first message of a deployment shows its state and is updated; each later one is also a reply in its thread. */
function bot({ tokenEnv, channel, url, env }: Bot) {
  const call = async (method: string, body: object, signal: AbortSignal): Promise<SlackAnswer> => {
    const headers = {
      authorization: `Bearer ${tokenIn(tokenEnv, env)}`,
      'content-type': 'application/json; charset=utf-8',
    };
    const request = { name: `Slack (${method})`, url: `${url.replace(/\/+$/, '')}/api/${method}`, headers, body };
    return send(request, signal);
  };
  const mustSucceed = ({ ok, error = 'no code' }: SlackAnswer, method: string): void => {
    if (!ok)
      throw new Error(`Slack (${method}) refused with ${error.slice(0, 100)}: ${TO_DO[error] ?? 'see the Slack API'}`);
  };
  return {
    async notify(message: NotificationMessage, signal: AbortSignal) {
      const [ts, where = channel] = message.reference?.split(' ') ?? [];
      const unfurled = { unfurl_links: false, unfurl_media: false };
      if (ts === undefined) {
        const answer = await call('chat.postMessage', { channel, ...unfurled, ...slackThread(message) }, signal);
        mustSucceed(answer, 'chat.postMessage');
        // An update needs the id of the channel, where the runbook may have its name.
        if (answer.ts !== undefined) message.keepReference(`${answer.ts} ${answer.channel ?? channel}`);
        return;
      }
      // First the update, since it may be repeated. A workspace may forbid it: the reply says the same.
      await call('chat.update', { channel: where, ts, ...slackThread(message) }, signal);
      const reply = {
        channel: where,
        thread_ts: ts,
        reply_broadcast: isForAll(message),
        ...unfurled,
        ...slackMessage(message),
      };
      mustSucceed(await call('chat.postMessage', reply, signal), 'chat.postMessage');
    },
    preflight: async () => problemsOf({ [tokenEnv]: () => tokenIn(tokenEnv, env) }),
  };
}

/** Replies call only those who follow the thread. What asks for something is for the whole channel. */
function isForAll({ severity, command }: NotificationMessage): boolean {
  return severity === 'critical' || command !== undefined;
}

const TO_DO: Readonly<Record<string, string>> = {
  channel_not_found: 'check the id of the channel, and invite the bot if it is private',
  not_in_channel: 'invite the bot to the channel',
  is_archived: 'name another channel',
  invalid_auth: 'set a valid token',
  not_authed: 'set a token',
  token_revoked: 'set a valid token',
  token_expired: 'set a valid token',
  account_inactive: 'set a valid token',
  missing_scope: 'give the bot the scope chat:write',
};
