import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../../src/sandbox/program.ts';
import { until } from './context.ts';
import type { TestPostgres } from './postgres.ts';

export interface TestStandby {
  readonly port: number;
  readonly stop: () => Promise<void>;
}

/** A copy of the running primary, by PostgreSQL's own backup interface, which follows it. */
export async function startStandby(primary: TestPostgres): Promise<TestStandby> {
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-standby-'));
  const data = join(folder, 'data');
  const admin = await primary.connect();
  const { rows } = await admin.query<{ data: string; bin: string; maxConnections: string }>(
    "SELECT current_setting('data_directory') AS data, current_setting('max_connections') AS \"maxConnections\", (SELECT setting FROM pg_config WHERE name = 'BINDIR') AS bin",
  );
  const [row] = rows;
  if (!row) throw new Error('the primary says where it is');
  const { uid, gid } = await stat(row.data);
  await admin.query("SELECT pg_backup_start('standby', true)");
  await ended(spawn('cp', ['-a', row.data, data]));
  const { rows: label } = await admin.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)');
  await rm(join(data, 'postmaster.pid'));
  await writeFile(join(data, 'backup_label'), label[0]?.labelfile ?? '');
  await writeFile(join(data, 'standby.signal'), '');
  await ended(spawn('chown', ['-R', `${uid}:${gid}`, folder]));

  const port = await freePort();
  const settings = [
    'unix_socket_directories=',
    `max_connections=${row.maxConnections}`,
    `primary_conninfo=host=127.0.0.1 port=${primary.port} user=postgres password=postgres-secret`,
  ];
  const asOwner = process.getuid?.() === 0 ? { uid, gid } : {};
  const server = spawn(
    join(row.bin, 'postgres'),
    ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
    { ...asOwner, stdio: 'ignore' },
  );
  const over = once(server, 'exit');
  await until(async () => {
    if (server.exitCode !== null) throw new Error(`the standby ended with exit code ${server.exitCode}`);
    return primary.connect(primary.url({ port })).then(
      () => true,
      () => false,
    );
  });
  return {
    port,
    async stop() {
      server.kill('SIGINT');
      await over;
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${child.spawnfile} ended with exit code ${String(code)}`);
}
