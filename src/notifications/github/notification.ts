import { z } from 'zod';
import type { NotificationEvent } from '../../domain/index.ts';
import { type NotificationMessage, notificationKind, template } from '../../plugin/index.ts';
import { fillPlaceholders } from '../../processes/index.ts';
import { envName, httpUrl } from '../../runbook/index.ts';
import { send } from '../http.ts';
import { problemsOf, tokenIn } from '../settings.ts';

/** What GitHub shows; other events show that it is in progress. */
const STATE: Partial<Record<NotificationEvent, string>> = {
  'check-waits': 'pending',
  held: 'pending',
  'gate-opened': 'pending',
  reminder: 'pending',
  'rolled-back': 'failure',
  'rollback-stalled': 'error',
  completed: 'success',
  refused: 'inactive',
};
/** GitHub's bound for the description of a status. */
const LONGEST = 140;

export const githubNotification = notificationKind({
  kind: 'github',
  summary: 'A deployment on GitHub, with a status for each event.',
  defaultEvents: [
    'started',
    'shifted',
    'gate-opened',
    'rolling-back',
    'rollback-stalled',
    'rolled-back',
    'completed',
    'refused',
  ],
  schema: (base) =>
    base.extend({
      repository: z
        .string()
        .regex(/^[\w.-]+\/[\w.-]+$/, 'expected owner/name')
        .describe('The repository, such as `shop/recommendation`.'),
      tokenEnv: envName.describe('The variable of the worker that holds a token that may write deployments.'),
      ref: template('version')
        .prefault('{version}')
        .describe('The tag, branch or commit of a version, such as `v{version}`.'),
      url: httpUrl()
        .prefault('https://api.github.com')
        .describe('Where the API is; of a GitHub Enterprise Server it ends with `/api/v3`.'),
    }),
  secretKeys: ['tokenEnv'],
  create: ({ repository, tokenEnv, ref, url }, { env }) => ({
    async notify(message, signal) {
      const call = async (path: string, body: object): Promise<object> => {
        const headers = {
          accept: 'application/vnd.github+json',
          authorization: `Bearer ${tokenIn(tokenEnv, env)}`,
          'user-agent': 'bluegreen',
          'x-github-api-version': '2022-11-28',
        };
        const deployments = `${url.replace(/\/+$/, '')}/repos/${repository}/deployments`;
        return send(
          { name: `GitHub (${repository}/deployments${path})`, url: `${deployments}${path}`, headers, body },
          signal,
        );
      };
      const id = message.reference ?? (await create(message, call, ref));
      await call(`/${id}/statuses`, statusOf(message));
    },
    preflight: async () => problemsOf({ [tokenEnv]: () => tokenIn(tokenEnv, env) }),
  }),
});

type Call = (path: string, body: object) => Promise<object>;

async function create(message: NotificationMessage, call: Call, ref: string): Promise<string> {
  const { service, environment, green: version } = message.target;
  const [filled = version] = fillPlaceholders([ref], { version });
  const answer = (await call('', {
    ref: filled,
    environment,
    description: `${service} ${version}`,
    // It is deployed already, whatever GitHub's checks say.
    auto_merge: false,
    required_contexts: [],
    payload: { service, version, deployment: message.target.deployment },
  })) as { readonly id?: number };
  if (answer.id === undefined) throw new Error('GitHub answered without the id of the deployment');
  message.keepReference(String(answer.id));
  return String(answer.id);
}

function statusOf({ event, text, link, target }: NotificationMessage) {
  return {
    state: (event && STATE[event]) ?? 'in_progress',
    description: text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text,
    environment: target.environment,
    ...(link !== undefined && { log_url: link }),
  };
}
