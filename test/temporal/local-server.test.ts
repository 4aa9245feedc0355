import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { startLocalServer } from '../../src/local-temporal/server.ts';
import { eventually, isRunning } from '../processes/support.ts';

const scratch = mkdtempSync(join(tmpdir(), 'bg-server-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test('what it knew is there again after a restart', async () => {
  const dbFilename = join(scratch, 'data', 'temporal.db');
  const first = await startLocalServer({ dbFilename, ui: true });
  try {
    expect((await fetch(first.uiUrl ?? '')).status).toBe(200);
    const connection = await Connection.connect({ address: first.address });
    await new Client({ connection }).workflow.start('any', { workflowId: 'kept', taskQueue: 'none' });
    await connection.close();
  } finally {
    await first.stop();
  }
  const second = await startLocalServer({ dbFilename });
  try {
    expect(second.uiUrl).toBeUndefined();
    const connection = await Connection.connect({ address: second.address });
    expect((await new Client({ connection }).workflow.getHandle('kept').describe()).status.name).toBe('RUNNING');
    await connection.close();
  } finally {
    await second.stop();
  }
});

test('a port that is taken is named, with what to do', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const address = other.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  try {
    await expect(startLocalServer({ port })).rejects.toThrow(
      `Port ${port} is taken: perhaps another Temporal server runs there already. Stop it, or choose another port with --port.`,
    );
  } finally {
    await new Promise((resolve) => other.close(resolve));
  }
});

test('a server that cannot start is an error with its last words', async () => {
  const starting = startLocalServer({ dbFilename: scratch });
  await expect(starting).rejects.toThrow(/ended before it was ready. It said:\n.*\S/s);
});

test('it ends with the process that started it, also when that is killed', async () => {
  const module = fileURLToPath(new URL('../../src/local-temporal/server.ts', import.meta.url));
  const script = `import { startLocalServer } from ${JSON.stringify(module)};
    console.log((await startLocalServer()).address);`;
  const parent = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script]);
  let address = '';
  parent.stdout.on('data', (chunk) => (address += String(chunk)));
  await eventually(() => (address.endsWith('\n') ? true : undefined));
  const connection = await Connection.connect({ address: address.trim() });
  await connection.close();

  parent.kill('SIGKILL');
  const port = Number(address.split(':')[1]);
  await eventually(() => isFree(port));
  expect(isRunning(parent.pid ?? 0)).toBe(false);
});

/** True when nobody listens there. */
function isFree(port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(undefined));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
