import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { useServers } from '../support/http.ts';
import { notifying, receiver } from './support.ts';

const serve = useServers();
const TOKEN = 'hunter2-token';
const LINK = 'https://temporal.example/namespaces/default/workflows/blue-green%2Fproduction%2Fshop/run-1';

test('Slack gets what happened, the command and the link, and no markup that came with a text', async () => {
  const { received, listener } = receiver(() => ({}));
  const { origin } = await serve(listener);
  const notify = notifying([{ kind: 'slack', urlEnv: 'HOOK' }], { HOOK: origin });
  await notify('gate-opened', { text: 'healthy, says <!channel> & <https://evil.example|this>' });
  const text = ':large_blue_circle: healthy, says &lt;!channel&gt; &amp; &lt;https://evil.example|this&gt;';
  const footer = `Run \`bluegreen approve --service shop\`  ·  <${LINK}|Open the deployment>`;
  expect(received[0]?.body).toMatchObject({
    blocks: [{ text: { type: 'mrkdwn', text } }, { elements: [{ type: 'mrkdwn', text: footer }] }],
  });
  expect(received[0]?.headers['idempotency-key']).toBe('shop/run-1/1');
});

test('a Slack bot has one thread per deployment: the first message shows the state, replies say what happened', async () => {
  const answers: Record<string, object> = { '/api/chat.update': { ok: false, error: 'edit_window_closed' } };
  const { received, listener } = receiver(({ to }) => ({
    body: answers[to.replace('POST ', '')] ?? { ok: true, ts: '17.1', channel: 'C1' },
  }));
  const { origin: url } = await serve(listener);
  const notify = notifying([{ kind: 'slack', tokenEnv: 'TOKEN', channel: '#deploy', url }], { TOKEN });
  await notify('started');
  await notify('gate-opened');
  await notify('completed');
  const sent = received.map(({ to, body }) => [to.slice('POST /api/'.length), body]);
  expect(sent.map(([method]) => method)).toEqual([
    'chat.postMessage',
    'chat.update',
    'chat.postMessage',
    'chat.update',
    'chat.postMessage',
  ]);
  expect(sent[0]?.[1]).toMatchObject({ channel: '#deploy', text: 'shop 2.5.0 in production: deploying' });
  expect(sent[1]?.[1]).toMatchObject({
    channel: 'C1',
    ts: '17.1',
    text: 'shop 2.5.0 in production: waits for approval, 50 % of the traffic',
  });
  expect(sent[2]?.[1]).toMatchObject({
    channel: 'C1',
    thread_ts: '17.1',
    reply_broadcast: true,
    text: 'It is gate-opened.',
  });
  expect(sent[4]?.[1]).toMatchObject({ thread_ts: '17.1', reply_broadcast: false });
  expect(received.every(({ headers }) => headers['authorization'] === `Bearer ${TOKEN}`)).toBe(true);
});

test('what Slack refuses is an error that says what to do', async () => {
  const { listener } = receiver(() => ({ body: { ok: false, error: 'not_in_channel' } }));
  const { origin: url } = await serve(listener);
  const notify = notifying([{ kind: 'slack', tokenEnv: 'TOKEN', channel: 'C1', url }], { TOKEN });
  await expect(notify('started')).rejects.toThrow(
    'Slack (chat.postMessage) refused with not_in_channel: invite the bot to the channel',
  );
});

test('Teams gets an Adaptive Card with the state, the text, the command and a button', async () => {
  const { received, listener } = receiver(() => ({ status: 202 }));
  const { origin } = await serve(listener);
  await notifying([{ kind: 'teams', urlEnv: 'HOOK' }], { HOOK: origin })('rollback-stalled', {
    severity: 'critical',
    text: 'my_service *fails*',
  });
  const content = {
    type: 'AdaptiveCard',
    body: [
      { text: 'shop 2.5.0 in production: rollback stalled', color: 'attention' },
      { text: 'my\\_service \\*fails\\*' },
      { text: 'bluegreen retry-rollback --service shop', fontType: 'monospace' },
    ],
    actions: [{ type: 'Action.OpenUrl', title: 'Open the deployment', url: LINK }],
  };
  expect(received[0]?.body).toMatchObject({
    type: 'message',
    attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', content }],
  });
});

test('PagerDuty opens one incident for a stalled rollback, however often it stalls, and resolves it', async () => {
  const { received, listener } = receiver(() => ({ status: 202 }));
  const { origin: url } = await serve(listener);
  const notify = notifying([{ kind: 'pagerduty', routingKeyEnv: 'KEY', url }], { KEY: TOKEN });
  await notify('rollback-stalled', { severity: 'critical' });
  await notify('rollback-stalled', { severity: 'critical' });
  await notify('rolled-back');
  expect(received.map(({ to, body }) => [to, body['event_action'], body['dedup_key']])).toEqual(
    ['trigger', 'trigger', 'resolve'].map((action) => ['POST /v2/enqueue', action, 'blue-green/production/shop/run-1']),
  );
  expect(received[0]?.body).toMatchObject({
    routing_key: TOKEN,
    payload: { summary: 'It is rollback-stalled.', source: 'shop in production', severity: 'critical' },
    links: [{ href: LINK }],
  });
});

test('an incident stays open after a rollback that leaves requests with green', async () => {
  const { received, listener } = receiver(() => ({ status: 202 }));
  const { origin } = await serve(listener);
  const channels = [
    { kind: 'pagerduty', routingKeyEnv: 'KEY', url: origin },
    { kind: 'cdevents', urlEnv: 'HOOK', artifact: 'pkg:oci/shop@{version}' },
  ];
  await notifying(channels, { KEY: TOKEN, HOOK: origin })('rolled-back', { severity: 'critical' });
  expect(received.map(({ body }) => body['event_action'] ?? body['type'])).toEqual([
    'trigger',
    'dev.cdevents.service.rolledback.0.2.0',
    'dev.cdevents.pipelinerun.finished.0.2.0',
  ]);
});

test('a CloudEvent has an id, a source and the time at which it happened', async () => {
  const { received, listener } = receiver(() => ({ status: 202 }));
  const { origin } = await serve(listener);
  await notifying([{ kind: 'cloudevents', urlEnv: 'HOOK' }], { HOOK: origin })('shifted');
  expect(received[0]?.headers['content-type']).toBe('application/cloudevents+json; charset=utf-8');
  expect(received[0]?.body).toEqual({
    specversion: '1.0',
    id: 'shop/run-1/1',
    source: '/blue-green/production/shop/run-1',
    type: 'dev.bluegreen.deployment.shifted',
    subject: 'production/shop',
    time: '2026-01-02T03:04:05.000Z',
    datacontenttype: 'application/json',
    data: {
      severity: 'info',
      text: 'It is shifted.',
      service: 'shop',
      environment: 'production',
      blue: '2.4.0',
      green: '2.5.0',
      greenPercentage: 50,
      link: LINK,
    },
  });
});

/** The schemas of CDEvents 0.4.1 for these events, in as far as they are the same: no other key is allowed. */
const cdEvent = z.strictObject({
  context: z.strictObject({
    version: z.literal('0.4.1'),
    id: z.string().min(1),
    source: z.string().min(1),
    type: z.string().regex(/^dev\.cdevents\.(pipelinerun|service|incident)\.[a-z]+\.0\.2\.0$/),
    timestamp: z.iso.datetime(),
  }),
  subject: z.strictObject({
    id: z.string().min(1),
    source: z.string().min(1),
    type: z.enum(['pipelineRun', 'service', 'incident']),
    content: z.strictObject({
      environment: z.strictObject({ id: z.string().min(1) }).optional(),
      service: z.strictObject({ id: z.string().min(1) }).optional(),
      artifactId: z.string().startsWith('pkg:').optional(),
      description: z.string().optional(),
      pipelineName: z.string().optional(),
      url: z.string().optional(),
      outcome: z.enum(['success', 'failure']).optional(),
      errors: z.string().optional(),
    }),
  }),
  customData: z.record(z.string(), z.unknown()),
  customDataContentType: z.literal('application/json'),
});

test('CDEvents say what was deployed, rolled back and upgraded, with the package URL of the version', async () => {
  const { received, listener } = receiver(() => ({ status: 202 }));
  const { origin } = await serve(listener);
  const channel = { kind: 'cdevents', urlEnv: 'HOOK', artifact: 'pkg:oci/shop@{version}' };
  const notify = notifying([channel], { HOOK: origin });
  for (const event of ['started', 'shifted', 'rolling-back', 'rolled-back', 'completed'] as const) await notify(event);
  await expect(notify('gate-opened')).rejects.toThrow('CDEvents has no word for gate-opened');
  const sent = received.map(({ body }) => ({ envelope: body, event: cdEvent.parse(body['data']) }));
  expect(sent.map(({ event: { context, subject } }) => [context.type, subject.content.artifactId])).toEqual([
    ['dev.cdevents.pipelinerun.started.0.2.0', undefined],
    ['dev.cdevents.service.deployed.0.2.0', 'pkg:oci/shop@2.5.0'],
    ['dev.cdevents.incident.detected.0.2.0', 'pkg:oci/shop@2.5.0'],
    ['dev.cdevents.service.rolledback.0.2.0', 'pkg:oci/shop@2.4.0'],
    ['dev.cdevents.incident.resolved.0.2.0', 'pkg:oci/shop@2.5.0'],
    ['dev.cdevents.pipelinerun.finished.0.2.0', undefined],
    ['dev.cdevents.service.upgraded.0.2.0', 'pkg:oci/shop@2.5.0'],
    ['dev.cdevents.pipelinerun.finished.0.2.0', undefined],
  ]);
  for (const { envelope, event } of sent)
    expect(envelope).toMatchObject({
      specversion: '1.0',
      id: event.context.id,
      source: event.context.source,
      type: event.context.type,
      subject: event.subject.id,
      time: event.context.timestamp,
    });
  expect(new Set(sent.map(({ event }) => event.context.id)).size).toBe(sent.length);
});

const GITHUB = { kind: 'github', repository: 'shop/rec', tokenEnv: 'TOKEN', ref: 'v{version}' };

test('GitHub gets one deployment, also if a status fails at first, and a status for each event', async () => {
  let failures = 1;
  const { received, listener } = receiver(({ to }) => {
    if (to.endsWith('/deployments')) return { status: 201, body: { id: 7 } };
    failures -= 1;
    return { status: failures < 0 ? 201 : 502 };
  });
  const { origin } = await serve(listener);
  const notify = notifying([{ ...GITHUB, url: `${origin}/api/v3` }], { TOKEN });
  await notify('started', {}, 2);
  await notify('gate-opened', { text: 'x'.repeat(200) });
  await notify('completed');
  const path = 'POST /api/v3/repos/shop/rec/deployments';
  expect(received.map(({ to, body }) => [to, body['ref'] ?? body['state']])).toEqual([
    [path, 'v2.5.0'],
    [`${path}/7/statuses`, 'in_progress'],
    [`${path}/7/statuses`, 'in_progress'],
    [`${path}/7/statuses`, 'pending'],
    [`${path}/7/statuses`, 'success'],
  ]);
  expect(received[0]?.body).toMatchObject({ environment: 'production', auto_merge: false, required_contexts: [] });
  expect(received[3]?.body['description']).toHaveLength(140);
  expect(received[4]?.body['log_url']).toBe(LINK);
});

test('GitLab gets a deployment of the commit, and how it ended', async () => {
  const { received, listener } = receiver(({ to }) => ({ body: { id: to.startsWith('GET') ? 'abc123' : 7 } }));
  const { origin: url } = await serve(listener);
  const gitlab = { kind: 'gitlab', project: 'shop/rec', tokenEnv: 'TOKEN', ref: 'v{version}', tag: true, url };
  const notify = notifying([gitlab], { TOKEN });
  await notify('started');
  await notify('gate-opened');
  await notify('rolled-back');
  const path = '/api/v4/projects/shop%2Frec';
  expect(received.map(({ to, body }) => [to, body])).toEqual([
    [`GET ${path}/repository/commits/v2.5.0`, {}],
    [
      `POST ${path}/deployments`,
      { environment: 'production', ref: 'v2.5.0', sha: 'abc123', tag: true, status: 'running' },
    ],
    [`PUT ${path}/deployments/7`, { status: 'failed' }],
  ]);
  expect(received[0]?.headers['private-token']).toBe(TOKEN);
});

test('a receiver that says when to ask again is not asked before, and the others are', async () => {
  const asked: number[] = [];
  const busy = receiver(() => {
    asked.push(Date.now());
    return asked.length === 1 ? { status: 429, headers: { 'retry-after': '1' } } : {};
  });
  const down = receiver(() => ({ status: 503 }));
  const env = { BUSY: (await serve(busy.listener)).origin, DOWN: (await serve(down.listener)).origin };
  const notify = notifying(
    [
      { kind: 'slack', urlEnv: 'BUSY' },
      { kind: 'webhook', urlEnv: 'DOWN' },
    ],
    env,
  );
  const repeated = notify('gate-opened', {}, 3);
  await expect(repeated).rejects.toThrow(
    /notification 1 of 2 \(slack\): it is asked too often, and wants to be asked again in 1 s; notification 2 of 2/,
  );
  expect([asked.length, down.received.length]).toEqual([1, 3]);
});
