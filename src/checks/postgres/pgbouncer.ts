import type pg from 'pg';
import { type DatabaseAddress, open } from '../../postgres/index.ts';
import { errorCode } from '../../util/index.ts';
import { messageOf } from './session.ts';

/** What the admin console of a PgBouncer says. */
export interface Pgbouncer {
  readonly poolMode: string;
  readonly maxClients: number;
  /** 0: no limit. */
  readonly maxUserConnections: number;
  readonly entries: readonly Entry[];
  readonly pools: readonly ClientPool[];
}

/** An entry of `[databases]` in its configuration. */
export interface Entry {
  readonly name: string;
  /** The database in PostgreSQL. */
  readonly database: string;
  /** Of one user. */
  readonly poolSize: number;
  /** Connections that a pool may open besides, while clients wait. */
  readonly reserve: number;
  /** Of all users together; 0: no limit. */
  readonly maxConnections: number;
  /** null: PgBouncer's own. */
  readonly poolMode: string | null;
  /** The user of all its connections to PostgreSQL; null: the client's. */
  readonly forcedUser: string | null;
}

/** PgBouncer has a pool for each entry and user. */
export interface ClientPool {
  readonly entry: string;
  readonly user: string;
  readonly clients: number;
  readonly waiting: number;
  readonly longestWaitMs: number;
  readonly poolMode: string;
}

const STATEMENT_TIMEOUT_MS = 10_000;
const WHAT_TO_DO =
  'the URL needs the database "pgbouncer" and a user that is in stats_users of pgbouncer.ini (RELOAD after a change)';

/** @throws Error, in words a person can act on, if the console cannot be asked; the signal's reason when that aborts. */
export async function readPgbouncer(address: DatabaseAddress, signal: AbortSignal): Promise<Pgbouncer> {
  const { database } = address;
  const { client, close } = await open(address, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw notAsked(messageOf(error));
  });
  const stop = () => void close();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const settings = new Map((await show(client, 'CONFIG')).map(({ key, value }) => [key, value]));
    const databases = await show(client, 'DATABASES');
    const pools = await show(client, 'POOLS');
    return {
      poolMode: String(settings.get('pool_mode')),
      maxClients: Number(settings.get('max_client_conn')),
      maxUserConnections: Number(settings.get('max_user_connections') ?? 0),
      entries: databases.filter(({ name }) => name !== CONSOLE).map(entryOf),
      pools: pools.filter((row) => row['database'] !== CONSOLE).map(poolOf),
    };
  } catch (error) {
    signal.throwIfAborted();
    throw notAsked(`database ${database}: ${messageOf(error)} (${errorCode(error) ?? 'unknown'})`);
  } finally {
    signal.removeEventListener('abort', stop);
    await close();
  }
}

const CONSOLE = 'pgbouncer';
type Row = Readonly<Record<string, unknown>>;

/** The console knows the simple protocol only: no parameters. */
async function show(client: pg.Client, what: 'CONFIG' | 'DATABASES' | 'POOLS'): Promise<Row[]> {
  const query = { text: `SHOW ${what}`, query_timeout: STATEMENT_TIMEOUT_MS };
  return (await client.query<Row>(query)).rows;
}

function entryOf(row: Row): Entry {
  return {
    name: String(row['name']),
    database: String(row['database']),
    poolSize: Number(row['pool_size']),
    reserve: Number(row['reserve_pool_size'] ?? row['reserve_pool'] ?? 0), // renamed in newer versions
    maxConnections: Number(row['max_connections'] ?? 0),
    poolMode: textOrNull(row['pool_mode']),
    forcedUser: textOrNull(row['force_user']),
  };
}

function poolOf(row: Row): ClientPool {
  return {
    entry: String(row['database']),
    user: String(row['user']),
    clients: Number(row['cl_active']) + Number(row['cl_waiting']),
    waiting: Number(row['cl_waiting']),
    longestWaitMs: Number(row['maxwait']) * 1_000 + Math.floor(Number(row['maxwait_us'] ?? 0) / 1_000),
    poolMode: String(row['pool_mode']),
  };
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function notAsked(reason: string): Error {
  return new Error(`the admin console of PgBouncer cannot be asked: ${reason}; ${WHAT_TO_DO}`);
}
