import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { expect, test } from '@jest/globals';
import { type DeliveryProgress, deliver } from '../../src/notifications/deliver.ts';
import type { Logger } from '../../src/plugin/kinds.ts';
import { useServers } from '../support/http.ts';
import { registry } from '../support/registry.ts';

const target = {
  deployment: 'w/r',
  service: 'recommendation',
  environment: 'production',
  blue: '2.4.0',
  green: '2.5.0',
  digest: 'd',
};
const notification = {
  target,
  key: 'w/r/7',
  event: 'rollback-stalled',
  severity: 'critical',
  text: 'The rollback stalled.',
  command: 'bluegreen retry-rollback --service recommendation',
  link: 'https://temporal.example/namespaces/default/workflows/w/r',
} as const;
const signal = new AbortController().signal;

const startServer = useServers();
const serve = async (listener: RequestListener) => `${(await startServer(listener)).origin}/hook/secret`;

function logger() {
  const lines: [string, string, unknown][] = [];
  const at = (level: string) => (message: string, attributes: unknown) => lines.push([level, message, attributes]);
  return { lines, info: at('info'), warn: at('warn'), error: at('error') };
}

const progress = (): DeliveryProgress => ({ delivered: [], references: {}, retryAt: {} });
const webhooks = (...variables: string[]) => variables.map((urlEnv) => ({ kind: 'webhook', urlEnv }));

function send(
  configs: ReturnType<typeof webhooks>,
  {
    env = {},
    log = logger(),
    severity = 'critical',
  }: { env?: NodeJS.ProcessEnv; log?: Logger; severity?: 'info' | 'warning' | 'critical' } = {},
) {
  const notifiers = registry.notifiers(configs, { env, log });
  return deliver({ ...notification, severity }, { notifiers, progress: progress(), log, signal });
}

test.each([
  ['info', 'info'],
  ['warning', 'warn'],
  ['critical', 'error'],
] as const)('without any channel the log hears %s as %s', async (severity, level) => {
  const log = logger();
  await send([], { log, severity });
  expect(log.lines.map(([at, text]) => [at, text])).toEqual([[level, 'The rollback stalled.']]);
});

test('a webhook gets the news as JSON', async () => {
  const received: unknown[] = [];
  const url = await serve((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      received.push(
        request.method,
        request.headers['content-type'],
        JSON.parse(body),
        request.headers['idempotency-key'],
      );
      response.writeHead(204).end();
    });
  });
  await send(webhooks('HOOK'), { env: { HOOK: url } });
  const [, shown = ''] = /^```json\n(\{\n.*?)^```$/ms.exec(readFileSync('docs/platforms.md', 'utf8')) ?? [];
  expect(Object.keys(JSON.parse(shown) as object)).toEqual(Object.keys(received[2] as object));
  expect(received).toEqual([
    'POST',
    'application/json',
    {
      text: 'The rollback stalled.',
      severity: 'critical',
      event: 'rollback-stalled',
      service: 'recommendation',
      environment: 'production',
      version: '2.5.0',
      command: notification.command,
      link: notification.link,
    },
    notification.key,
  ]);
});

test.each<[string, RequestListener, string]>([
  [
    'refuses',
    (_, response) => response.writeHead(403).end(),
    'the webhook in HOOK answered with HTTP status 403, expected 200 to 299',
  ],
  ['stays silent', () => {}, 'the webhook in HOOK did not answer within 5 s'],
  ['breaks off', (request) => request.socket.destroy(), 'the webhook in HOOK could not be reached'],
])(
  'a webhook that %s is an error without its URL, and the others hear all the same',
  async (_name, listener, problem) => {
    let heard = 0;
    const other = await serve((_, response) => {
      heard += 1;
      response.end();
    });
    const log = logger();
    const env = { HOOK: await serve(listener), OTHER: other };
    const failure: Error = await send(webhooks('HOOK', 'OTHER'), { env, log }).then(
      () => Promise.reject(new Error('it was delivered')),
      (error) => error,
    );
    expect(failure.message).toContain(`notification 1 of 2 (webhook): ${problem}`);
    expect(failure.message).not.toMatch(/127|secret/);
    expect(heard).toBe(1);
    expect(log.lines).toHaveLength(1);
  },
);

test.each([
  [{}, 'is not set'],
  [{ HOOK: 'not a url' }, 'holds no URL'],
  [{ HOOK: 'ftp://127.0.0.1/hook' }, 'holds no URL'],
])('a variable without a URL is named', async (env, problem) => {
  await expect(send(webhooks('HOOK'), { env })).rejects.toThrow(
    `the worker's variable HOOK ${problem}, expected a webhook's URL`,
  );
});

test('a channel gets the events that the runbook names for it', async () => {
  const heard: string[] = [];
  const hook = (name: string) =>
    serve((_, response) => {
      heard.push(name);
      response.end();
    });
  const env = { DESK: await hook('desk'), PAGER: await hook('pager') };
  const configs = [
    { kind: 'webhook', urlEnv: 'DESK', events: ['gate-opened'] as const },
    { kind: 'webhook', urlEnv: 'PAGER', events: ['rollback-stalled'] as const },
  ];
  const notifiers = registry.notifiers(configs, { env, log: logger() });
  await deliver(notification, { notifiers, progress: progress(), log: logger(), signal });
  expect(heard).toEqual(['pager']);
  const { event: _, ...unnamed } = notification;
  await deliver(unnamed, { notifiers, progress: progress(), log: logger(), signal });
  expect(heard.toSorted()).toEqual(['desk', 'pager', 'pager']);
});
