import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';
import { startSandbox } from '../../src/sandbox/index.ts';
import { isRunning, runningPostmaster } from '../../src/sandbox/postmaster.ts';
import { counts, eventually, must, processesOf } from './support.ts';

const ROWS = 20_000;
const folder = await mkdtemp(join(tmpdir(), 'bluegreen-given-'));
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

test('after stop, called twice, no process and no temporary folder is left', async () => {
  const sandbox = await startSandbox({ rows: ROWS });
  await must(sandbox.env, 'deploy --service recommendation --version 2.5.0');
  const started = await processesOf(process.pid);
  expect(started.length).toBeGreaterThanOrEqual(6); // database, PostgreSQL, router, load, blue, green

  await Promise.all([sandbox.stop(), sandbox.stop()]);
  expect(started.filter(isRunning)).toEqual([]);
  expect(existsSync(sandbox.directory)).toBe(false);
});

test('a parent that is killed leaves no process, no PostgreSQL and no temporary folder behind', async () => {
  const parent = await startInOwnProcess('{}');
  const started = await processesOf(parent.pid);
  expect(started.length).toBeGreaterThanOrEqual(5);

  process.kill(parent.pid, 'SIGKILL');
  await eventually(async () => (started.some(isRunning) ? undefined : true), 'the end of all processes');
  expect(existsSync(parent.directory)).toBe(false);
});

test('a given folder is kept and used again, with the state that is asked for', async () => {
  const first = await startSandbox({
    directory: folder,
    rows: ROWS,
    withoutPitfalls: true,
    staging: false,
    monitoring: false,
  });
  await first.stop();
  expect(runningPostmaster(join(folder, 'postgres'))).toBeUndefined();
  const seededAt = await modified(join(folder, 'postgres', 'PG_VERSION'));

  const again = await startSandbox({ directory: folder, rows: ROWS, staging: false, monitoring: false });
  try {
    await eventually(
      async () => ((await counts(again, '2.4.0')).requests > 20 ? true : undefined),
      'requests to the folder used again',
    );
    expect(await modified(join(folder, 'postgres', 'PG_VERSION'))).toBe(seededAt);
  } finally {
    await again.stop();
  }
});

test('a start on a folder whose PostgreSQL still runs ends that one first', async () => {
  const parent = await startInOwnProcess(JSON.stringify({ directory: folder, staging: false, monitoring: false }));
  const orphan = runningPostmaster(join(folder, 'postgres'));
  // The worst case: the process that would end PostgreSQL is killed too.
  for (const pid of [...(await processesOf(parent.pid)), parent.pid]) if (pid !== orphan) kill(pid);
  expect(runningPostmaster(join(folder, 'postgres'))).toBe(orphan);

  const sandbox = await startSandbox({ directory: folder, rows: ROWS, staging: false, monitoring: false });
  try {
    expect(orphan !== undefined && isRunning(orphan)).toBe(false);
  } finally {
    await sandbox.stop();
  }
});

test('a taken port is refused in clear words, and nothing is left behind', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  try {
    await expect(startSandbox({ ports: { postgres: port } })).rejects.toThrow(
      `Port ${port} for the sandbox's postgres is taken`,
    );
  } finally {
    other.close();
  }
});

/** Starts a sandbox in a process that can be killed. */
async function startInOwnProcess(options: string): Promise<{ pid: number; directory: string }> {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const file = fileURLToPath(new URL('sandbox-owner.ts', import.meta.url));
  const owner = spawn(process.execPath, ['--import', tsx, file, options], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(owner.stdout, 'data')) as [Buffer];
  return { pid: owner.pid ?? 0, directory: line.toString().trim() };
}

const modified = async (file: string): Promise<number> => (await stat(file)).mtimeMs;

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // gone already, with its parent
  }
}
