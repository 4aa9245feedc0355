import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { connectClient, connectionConfig, connectWorker } from '../../src/temporal/connection.ts';
import { taskQueue } from '../../src/temporal/names.ts';

const before = { ...process.env };
afterEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('TEMPORAL_')) delete process.env[name];
  Object.assign(process.env, before);
});

test('without any settings the local server is meant', () => {
  process.env['TEMPORAL_CONFIG_FILE'] = '/no/such/file';
  expect(connectionConfig()).toMatchObject({ connectionOptions: { address: 'localhost:7233' }, namespace: 'default' });
});

test('the environment and its profile say where the server is', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bg-profile-'));
  const file = join(folder, 'temporal.toml');
  writeFileSync(file, '[profile.prod]\naddress = "prod:7233"\nnamespace = "deploys"\napi_key = "k"\n');
  Object.assign(process.env, { TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'prod' });
  expect(connectionConfig()).toMatchObject({
    connectionOptions: { address: 'prod:7233', apiKey: 'k', tls: true },
    namespace: 'deploys',
  });
  process.env['TEMPORAL_ADDRESS'] = 'other:1';
  expect(connectionConfig().connectionOptions.address).toBe('other:1');
  rmSync(folder, { recursive: true });
});

test('worker and client connect to a server that is there', async () => {
  const config = { connectionOptions: { address: process.env['TEST_TEMPORAL_ADDRESS'] ?? '' }, namespace: 'default' };
  const connections = await Promise.all([connectWorker(config), connectClient(config)]);
  await Promise.all(connections.map((connection) => connection.close()));
});

test.each([
  ['worker', connectWorker],
  ['client', connectClient],
])('a %s that finds nobody says where it looked and what to do', async (_name, connect) => {
  const connecting = connect({ connectionOptions: { address: '127.0.0.1:9' }, namespace: 'default' });
  await expect(connecting).rejects.toThrow(
    /^The Temporal server at 127\.0\.0\.1:9 cannot be reached: .* Start a local one with "npm run temporal", or set TEMPORAL_ADDRESS/,
  );
});

test.each([
  ['worker', connectWorker],
  ['client', connectClient],
])('a %s does not wait for ever for someone who does not answer', async (_name, connect) => {
  const sockets = new Set<{ destroy(): void }>();
  const silent = createServer((socket) => sockets.add(socket));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const connecting = connect({ connectionOptions: { address: `127.0.0.1:${port}` }, namespace: 'default' });
  await expect(connecting).rejects.toThrow('cannot be reached');
  for (const socket of sockets) socket.destroy();
  silent.close();
});

test('the task queue can be chosen', () => {
  expect(taskQueue({})).toBe('bluegreen');
  expect(taskQueue({ BLUEGREEN_TASK_QUEUE: 'deploys' })).toBe('deploys');
});
