import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { receiver } from '../notifications/support.ts';
import { GUIDE_TEXT } from '../runbook/support.ts';
import { useServers } from '../support/http.ts';
import { useCommandLine } from './command-line.ts';

const bluegreen = useCommandLine();
const serve = useServers();
const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

test('notifications test sends one message to every channel, and names those that did not get it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-notifications-'));
  folders.push(folder);
  const file = join(folder, 'runbook.yaml');
  const channels = [
    '{ kind: slack, urlEnv: CHAT, events: [completed] }',
    '{ kind: webhook, urlEnv: DOWN }',
    '{ kind: webhook, urlEnv: UNSET }',
  ];
  await writeFile(file, `${GUIDE_TEXT}\nnotifications: [${channels.join(', ')}]\n`);
  const chat = receiver(() => ({}));
  const env = { CHAT: (await serve(chat.listener)).origin, DOWN: 'http://127.0.0.1:9/hunter2-token' };
  const { exitCode, out, err } = await bluegreen(['notifications', 'test', '--runbook', file], env).ended;
  expect({ exitCode, out: out.trim().split('\n').toSorted() }).toEqual({
    exitCode: EXIT.unreachable,
    out: [
      expect.stringContaining('FAILED  notification 2 of 3 (webhook): the webhook in DOWN could not be reached'),
      expect.stringContaining("FAILED  notification 3 of 3 (webhook): the worker's variable UNSET is not set"),
      'sent    notification 1 of 3 (slack): completed',
    ],
  });
  expect(err).toContain('Not every channel got the message');
  expect(out + err).not.toContain('hunter2');
  expect(chat.received).toMatchObject([{ body: { text: expect.stringContaining('Nothing was deployed.') as never } }]);
});

test('notifications test sends the event that is asked for with its severity, and both versions', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-notifications-'));
  folders.push(folder);
  const file = join(folder, 'runbook.yaml');
  const channels = '[{ kind: webhook, urlEnv: HOOK }, { kind: cdevents, urlEnv: HOOK }]';
  await writeFile(file, `${GUIDE_TEXT}\nnotifications: ${channels}\n`);
  const hook = receiver(() => ({}));
  const env = { HOOK: (await serve(hook.listener)).origin };
  const asked = (event: string) => bluegreen(['notifications', 'test', '--runbook', file, '--event', event], env).ended;
  expect(await asked('rolled-back')).toMatchObject({ exitCode: EXIT.ok });
  const bodies = hook.received.map(({ body }) => body);
  expect(bodies).toContainEqual(expect.objectContaining({ severity: 'warning' }));
  expect(JSON.stringify(bodies)).toMatch(/"artifactId":"pkg:generic\/recommendation@0\.0\.0-before"/);
  // CDEvents has no word for it: then nothing is sent, and that is said.
  expect(await asked('gate-opened')).toMatchObject({
    exitCode: EXIT.unreachable,
    out: expect.stringContaining('FAILED  notification 2 of 2 (cdevents): CDEvents has no word for gate-opened'),
  });
});
