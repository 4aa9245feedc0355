import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect, test } from '@jest/globals';
import { until } from '../checks/support/context.ts';
import { useServers } from '../support/http.ts';
import { begin } from './support/attempt.ts';
import { GREEN, useScenes } from './support/scene.ts';

/** What the activity adds to test/notifications: the runbook's channels, the worker's secrets, the activity's log. */

const scene = useScenes();
const startServer = useServers();
const serve = async (listener: RequestListener) => `${(await startServer(listener)).origin}/hook/hunter2`;

const CHANNELS = { notifications: [{ kind: 'webhook', urlEnv: 'CHAT_WEBHOOK' }] };
const NEWS = { severity: 'critical', text: 'The rollback stalled.' } as const;

test("the runbook's channels hear the news, and so does the worker's log with the deployment it is about", async () => {
  const heard: unknown[] = [];
  const url = await serve((request, response) => {
    request.on('data', (chunk) => heard.push(JSON.parse(String(chunk))));
    request.on('end', () => response.end());
  });
  const { activities, target } = await scene(CHANNELS, { CHAT_WEBHOOK: url });
  const workflowExecution = { workflowId: `blue-green/production/${target.service}`, runId: 'run-1' };
  const { result, log } = begin(activities.notify, { target, ...NEWS }, { workflowExecution });
  await result;
  expect(heard).toEqual([{ ...NEWS, service: target.service, environment: 'production', version: GREEN }]);
  expect(log).toMatchObject([
    { level: 'ERROR', message: NEWS.text, meta: { version: GREEN, workflowId: workflowExecution.workflowId } },
  ]);
});

test('a channel that is down is a failure to try again, without the secret, and the log heard all the same', async () => {
  const url = await serve((_, response) => response.writeHead(503).end());
  const { activities, target } = await scene(CHANNELS, { CHAT_WEBHOOK: url });
  const { result, log } = begin(activities.notify, { target, ...NEWS });
  await expect(result).rejects.toThrow('the webhook in CHAT_WEBHOOK answered with HTTP status 503');
  await expect(result).rejects.not.toMatchObject({ nonRetryable: true });
  expect(log.map(({ message }) => message)).toContain(NEWS.text);
  expect(inspect(log, { depth: null })).not.toContain('hunter2');
});

test('the address of a channel may be in a file, and a replaced one counts at once', async () => {
  const heard: string[] = [];
  const hook = (name: string) =>
    serve((_, response) => {
      heard.push(name);
      response.end();
    });
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-webhook-'));
  const file = join(folder, 'url');
  const { activities, target } = await scene(CHANNELS, { CHAT_WEBHOOK_FILE: file });
  for (const name of ['first', 'second']) {
    await writeFile(file, await hook(name));
    await begin(activities.notify, { target, ...NEWS }).result;
  }
  await rm(folder, { recursive: true });
  await expect(begin(activities.notify, { target, ...NEWS }).result).rejects.toThrow(
    'the file that the variable CHAT_WEBHOOK_FILE names cannot be read on this worker (ENOENT)',
  );
  expect(heard).toEqual(['first', 'second']);
});

test('a channel that took the news does not hear it again when another one is tried again', async () => {
  const heard: string[] = [];
  const answers = { chat: 200, pager: 503 };
  const hook = (name: keyof typeof answers) =>
    serve((_, response) => {
      heard.push(name);
      response.writeHead(answers[name]).end();
    });
  const notifications = [
    { kind: 'webhook', urlEnv: 'CHAT' },
    { kind: 'webhook', urlEnv: 'PAGER' },
  ];
  const { activities, target } = await scene(
    { notifications },
    { CHAT: await hook('chat'), PAGER: await hook('pager') },
  );
  const first = begin(activities.notify, { target, ...NEWS });
  await expect(first.result).rejects.toThrow('notification 2 of 2 (webhook): the webhook in PAGER answered with');
  answers.pager = 200;
  const heartbeatDetails = first.heartbeats.at(-1);
  await begin(activities.notify, { target, ...NEWS }, { attempt: 2, heartbeatDetails }).result;
  expect(heard.toSorted()).toEqual(['chat', 'pager', 'pager']);
});

test('a worker that stops does not wait for a channel that is silent', async () => {
  let asked = 0;
  const url = await serve(() => {
    asked += 1;
  });
  const { activities, target } = await scene(CHANNELS, { CHAT_WEBHOOK: url });
  const { result, cancel } = begin(activities.notify, { target, ...NEWS });
  await until(() => asked > 0);
  cancel({ workerShutdown: true });
  await expect(result).rejects.toMatchObject({ name: 'CancelledFailure' });
});

test('a notification has the command that is asked for, the link, and one key in all its attempts', async () => {
  const heard: unknown[] = [];
  const url = await serve((request, response) => {
    const key = request.headers['idempotency-key'];
    request.on('data', (chunk) => heard.push({ key, ...(JSON.parse(String(chunk)) as object) }));
    request.on('end', () => response.end());
  });
  const env = { CHAT_WEBHOOK: url, TEMPORAL_UI_ADDRESS: 'https://temporal.example/' };
  const { activities, target } = await scene(CHANNELS, env);
  const workflowId = `blue-green/production/${target.service}`;
  const asked = { ...NEWS, event: 'gate-opened', target: { ...target, deployment: `${workflowId}/run-1` } } as const;
  const info = { workflowExecution: { workflowId, runId: 'run-1' }, activityId: '7', namespace: 'shop' };
  for (const attempt of [1, 2]) await begin(activities.notify, asked, { ...info, attempt }).result;
  await begin(activities.notify, asked, { ...info, activityId: '8' }).result;
  const message = {
    event: 'gate-opened',
    command: `bluegreen approve --service ${target.service}`,
    link: `https://temporal.example/namespaces/shop/workflows/${encodeURIComponent(workflowId)}/run-1`,
  };
  expect(heard).toMatchObject(['7', '7', '8'].map((id) => ({ ...message, key: `${workflowId}/run-1/${id}` })));
});
