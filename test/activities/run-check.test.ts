import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from '@jest/globals';
import { until } from '../checks/support/context.ts';
import { startPostgres } from '../checks/support/postgres.ts';
import { begin, run } from './support/attempt.ts';
import { useScenes } from './support/scene.ts';

const scene = useScenes();
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const common = { id: 'item', title: 'Item', group: 'Group' };
const program = fileURLToPath(new URL('../support/little-command.mjs', import.meta.url));
/** A check by a command of the little production, which may say no or hang. */
const byCommand = (more: Record<string, unknown> = {}) => ({
  checklist: [
    {
      ...common,
      kind: 'command',
      command: [process.execPath, program, 'check', '{version}'],
      env: ['LITTLE_PRODUCTION'],
      timeout: '1m',
      ...more,
    },
  ],
});
const byDatabase = {
  databases: { main: { urlEnv: 'MAIN_DATABASE_URL' } },
  checklist: [
    {
      ...common,
      kind: 'postgres-max-connections',
      database: 'main',
      role: 'postgres',
      blue: { instances: 1, size: 5 },
      green: { instances: 1, size: 5 },
    },
  ],
};

/** Something that listens where a database should. */
async function listen(answer: (socket: Socket, connections: number) => void): Promise<number> {
  let connections = 0;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    connections += 1;
    answer(socket, connections);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  return address.port;
}

/** How PostgreSQL refuses a session: severity, code and message, each ended by a zero, after type and length. */
function refusal(message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0C08P01\0M${message}\0\0`);
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}

test('what a check finds is a value with when and how long, and its command knows its operation', async () => {
  const { production, activities, target } = await scene(byCommand());
  const before = Date.now();
  const result = await run(activities.runCheck, { target, checkId: 'item' }, { attempt: 2 });
  expect(result).toMatchObject({ passed: true, summary: 'the command ended with exit code 0' });
  expect(result.unmeasured).toBeUndefined();
  expect(result.checkedAt).toBeGreaterThanOrEqual(before);
  expect(result.checkedAt + result.durationMs).toBeLessThanOrEqual(Date.now());
  expect(result.durationMs).toBeGreaterThan(0);
  expect(production.audit).toEqual([
    { command: 'check', argument: '2.5.0', operation: `${target.deployment}/check-item`, attempt: 2 },
  ]);
});

test('a check that fails is a value that says what would unblock it, and is not asked again', async () => {
  const { production, activities, target } = await scene(byCommand());
  production.misbehave('check', 'fail');
  const result = await run(activities.runCheck, { target, checkId: 'item' });
  expect(result).toMatchObject({
    passed: false,
    summary: 'the command ended with exit code 3: the platform says no',
    unblock: expect.stringContaining('exit code 0'),
  });
  expect(result.unmeasured).toBeUndefined();
  expect(production.asked('check')).toBe(1);
});

test('a check that hangs has failed, and is told as that before the activity runs out of time', async () => {
  const { production, activities, target, plan } = await scene(byCommand({ timeout: '1s' }));
  production.misbehave('check', 'hang');
  const begun = Date.now();
  const result = await run(activities.runCheck, { target, checkId: 'item' });
  expect(result).toMatchObject({ passed: false, summary: expect.stringContaining('did not end within 1 s') });
  // Temporal would begin it anew at its bound; ending a command that does not heed SIGTERM takes five seconds more.
  expect(Date.now() + 5_000).toBeLessThan(begun + (plan.checklist.checks[0]?.timeoutMs ?? 0));
});

test('a check that cannot be measured is a value, told apart from a failed one, without the secret it met', async () => {
  const asked: number[] = [];
  const port = await listen((socket, connections) => {
    asked.push(connections);
    socket.once('data', () => socket.end(refusal('no entry for checker with hunter2hunter2')));
  });
  const MAIN_DATABASE_URL = `postgres://checker:hunter2hunter2@127.0.0.1:${port}/app`;
  const { activities, target } = await scene(byDatabase, { MAIN_DATABASE_URL });
  const { result, heartbeats } = begin(activities.runCheck, { target, checkId: 'item' });
  const measured = await result;
  expect(measured).toMatchObject({
    passed: false,
    unmeasured: true,
    summary: expect.stringMatching(/^could not be measured: database main: .* no entry for checker with \[redacted\]/),
    unblock: expect.stringContaining('recheck'),
  });
  expect(JSON.stringify([measured, heartbeats])).not.toContain('hunter2');
  expect(asked).toEqual([1, 2, 3, 4, 5, 6]); // three times, each with TLS and, as that is refused, without: sslmode=prefer
});

test('a check that hangs ends with its timeout, and says what it was doing', async () => {
  const port = await listen(() => {}); // accepts, and never says a word
  const { checklist, ...rest } = byDatabase;
  const { activities, target } = await scene(
    { ...rest, checklist: checklist.map((one) => ({ ...one, timeout: '1s' })) },
    { MAIN_DATABASE_URL: `postgres://checker@127.0.0.1:${port}/app` },
  );
  const result = await run(activities.runCheck, { target, checkId: 'item' });
  expect(result).toMatchObject({
    passed: false,
    unmeasured: true,
    summary:
      'could not be measured: it took longer than its timeout of 1 s and was stopped; at the end: counting connections',
  });
  // Not the ten seconds that a connection may take.
  expect(result.durationMs).toBeLessThan(9_000);
});

test('a secret that the worker lacks is named, not told', async () => {
  const { activities, target } = await scene(byDatabase);
  expect(await run(activities.runCheck, { target, checkId: 'item' })).toMatchObject({
    unmeasured: true,
    summary: expect.stringContaining('the variable MAIN_DATABASE_URL is not set for the worker'),
  });
});

test('a blip of the database wakes nobody', async () => {
  const postgres = await startPostgres();
  const port = await listen((socket, connections) => {
    if (connections === 1) return void socket.destroy();
    const there = createConnection(postgres.port, '127.0.0.1');
    there.on('error', () => socket.destroy());
    socket.pipe(there).pipe(socket);
  });
  const { activities, target } = await scene(byDatabase, { MAIN_DATABASE_URL: postgres.url({ port }) });
  const result = await run(activities.runCheck, { target, checkId: 'item' });
  await postgres.stop();
  expect(result).toMatchObject({ passed: true });
});

test('a check that the runbook does not have fails for good', async () => {
  const { activities, target } = await scene();
  await expect(run(activities.runCheck, { target, checkId: 'other' })).rejects.toMatchObject({
    type: 'InvalidRequest',
    nonRetryable: true,
    message: 'The runbook has no check "other".',
  });
});

test('a check that is ended is cancelled and not unmeasured', async () => {
  const { production, activities, target } = await scene(byCommand());
  production.misbehave('check', 'hang');
  const { result, cancel } = begin(activities.runCheck, { target, checkId: 'item' });
  await until(() => production.asked('check') > 0);
  cancel();
  await expect(result).rejects.toMatchObject({ name: 'CancelledFailure' });
});
