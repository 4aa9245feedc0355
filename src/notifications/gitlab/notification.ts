import { z } from 'zod';
import type { NotificationEvent } from '../../domain/index.ts';
import { notificationKind, template } from '../../plugin/index.ts';
import { fillPlaceholders } from '../../processes/index.ts';
import { envName, httpUrl } from '../../runbook/index.ts';
import { send } from '../http.ts';
import { problemsOf, tokenIn } from '../settings.ts';

/** How a deployment ends on GitLab. Until then it runs: GitLab has no state between, and takes none twice. */
const END: Partial<Record<NotificationEvent, string>> = {
  completed: 'success',
  'rolled-back': 'failed',
  refused: 'canceled',
};

export const gitlabNotification = notificationKind({
  kind: 'gitlab',
  summary: 'A deployment on GitLab: running from its first event, then a success, failed or canceled.',
  defaultEvents: ['started', 'rolled-back', 'completed', 'refused'],
  schema: (base) =>
    base.extend({
      project: z.string().min(1).describe('The id or the path of the project, such as `shop/recommendation`.'),
      tokenEnv: envName.describe('The variable of the worker that holds a token with the scope `api`.'),
      ref: template('version').prefault('{version}').describe('The tag or branch of a version, such as `v{version}`.'),
      tag: z.boolean().default(true).describe('`ref` is a tag. False for a branch.'),
      url: httpUrl().prefault('https://gitlab.com').describe('Where GitLab is.'),
    }),
  secretKeys: ['tokenEnv'],
  create: ({ project, tokenEnv, ref: wanted, tag, url }, { env }) => ({
    async notify(message, signal) {
      const api = `${url.replace(/\/+$/, '')}/api/v4/projects/${encodeURIComponent(project)}`;
      const call = async (method: 'GET' | 'POST' | 'PUT', path: string, body?: object): Promise<Answer> => {
        const headers = { 'private-token': tokenIn(tokenEnv, env) };
        const request = { name: `GitLab (${method} ${project}${path})`, url: `${api}${path}`, method, headers };
        return send({ ...request, ...(body && { body }) }, signal);
      };
      const { event, reference, target } = message;
      const end = event && END[event];
      if (reference !== undefined) {
        if (end !== undefined) await call('PUT', `/deployments/${reference}`, { status: end });
        return;
      }
      const [ref = target.green] = fillPlaceholders([wanted], { version: target.green });
      const { id: sha } = await call('GET', `/repository/commits/${encodeURIComponent(ref)}`);
      const status = end ?? 'running';
      const { id } = await call('POST', '/deployments', { environment: target.environment, ref, sha, tag, status });
      if (id === undefined) throw new Error('GitLab answered without the id of the deployment');
      message.keepReference(String(id));
    },
    preflight: async () => problemsOf({ [tokenEnv]: () => tokenIn(tokenEnv, env) }),
  }),
});

interface Answer {
  readonly id?: number | string;
}
