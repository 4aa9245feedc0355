import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { findProgram } from '../../../src/processes/find-program.ts';
import { freePort } from '../../../src/sandbox/program.ts';
import { describeWith } from '../../support/installed.ts';
import { until } from './context.ts';
import { unprivileged } from './postgres.ts';

const PGBOUNCER = await findProgram('pgbouncer', `${process.env['PATH']}:/usr/sbin`); // where Debian puts it

export const describeWithPgbouncer = describeWith(PGBOUNCER, 'pgbouncer');

export interface TestPgbouncer {
  readonly port: number;
  /** Of the admin console, as a user that may only look. */
  readonly consoleUrl: string;
  stop(): Promise<void>;
}

interface Options {
  /** `[databases]`: `{ shop: 'host=127.0.0.1 port=5432' }`. */
  readonly databases: Readonly<Record<string, string>>;
  /** Users beside `looker`, whose passwords are `<user>-secret`, as those of the test's PostgreSQL. */
  readonly users: readonly string[];
  /** More of `[pgbouncer]`. */
  readonly settings?: Readonly<Record<string, string | number>>;
}

/** A real PgBouncer of a test's own. */
export async function startPgbouncer({ databases, users, settings = {} }: Options): Promise<TestPgbouncer> {
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-pgbouncer-'));
  await chmod(folder, 0o755);
  const port = await freePort();
  const ini = join(folder, 'pgbouncer.ini');
  const userList = join(folder, 'users.txt');
  const section = (keys: Readonly<Record<string, string | number>>) =>
    Object.entries(keys).map(([key, value]) => `${key} = ${value}\n`);
  await writeFile(userList, ['looker', ...users].map((user) => `"${user}" "${user}-secret"\n`).join(''));
  const own = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: userList,
    stats_users: 'looker',
  };
  const sections = ['[databases]\n', ...section(databases), '[pgbouncer]\n', ...section({ ...own, ...settings })];
  await writeFile(ini, sections.join(''));
  const server = spawn(PGBOUNCER ?? 'pgbouncer', ['-q', ini], { ...(await unprivileged()), stdio: 'ignore' });
  const ended = once(server, 'exit');
  const consoleUrl = `postgres://looker:looker-secret@127.0.0.1:${port}/pgbouncer`;
  await until(async () => {
    if (server.exitCode !== null) throw new Error(`PgBouncer ended with exit code ${server.exitCode}`);
    const client = new pg.Client({ connectionString: consoleUrl });
    client.on('error', () => {});
    return client.connect().then(
      () => client.end().then(() => true),
      () => false,
    );
  });
  return {
    port,
    consoleUrl,
    async stop() {
      server.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
