import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Finding } from '../../plugin/index.ts';
import { errorCode, readVariable, redact } from '../../util/index.ts';

/** How the checks' own sessions are called in pg_stat_activity: they are gone in a moment and never counted. */
export const CHECK_APPLICATION = 'bluegreen-check';
const CONNECT_TIMEOUT_MS = 10_000;
const CANCEL_TIMEOUT_MS = 3_000;
const GOODBYE_MS = 1_000;

export interface Session {
  /** As the runbook calls the database. */
  readonly database: string;
  readonly url: string;
  readonly access: 'read-only' | 'read-write';
  /** 0: none. */
  readonly statementTimeoutMs: number;
  readonly signal: AbortSignal;
}

/** The database could not be reached or refused us. `code` is PostgreSQL's SQLSTATE or the system's error code. */
export class DatabaseUnavailable extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'DatabaseUnavailable';
    this.code = code;
  }
}

/**
 * The URL of a database that the runbook names, from the worker's environment.
 * @throws Error that names what is missing, never a URL.
 */
export function databaseUrl(
  databases: Readonly<Record<string, { readonly urlEnv: string }>>,
  database: string,
  env: NodeJS.ProcessEnv = process.env,
): string {
  const named = Object.hasOwn(databases, database) ? databases[database] : undefined;
  if (!named) throw new Error(`database ${database}: the runbook names none of that name under databases`);
  const url = readVariable(env, named.urlEnv);
  if (url === undefined || url === '')
    throw new Error(
      `database ${database}: the variable ${named.urlEnv} is not set for the worker; set it to the database's URL ` +
        `(postgres: user, password, host, port and name) and restart the worker`,
    );
  return url;
}

/**
 * Runs `use` with a session of its own, which is closed whatever happens. When the signal aborts, what runs is cancelled
 * in the server, which would otherwise carry on for nobody. A pooler in front is a failed finding: what one would
 * measure, set and cancel would be the pooler's.
 * @throws DatabaseUnavailable in words a person can act on; the signal's reason when that aborts.
 */
export async function withSession(session: Session, use: (client: pg.Client) => Promise<Finding>): Promise<Finding> {
  const { signal } = session;
  const { client, close } = await connect(session);
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped = cancelInServer(session, processIdOf(client)).then(close);
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    const [row] = (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows;
    if (row?.pid !== processIdOf(client)) return behindPooler(session.database);
    await client.query(settings(session));
    return await use(client);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    await stopped;
    await close();
  }
}

/** Best effort: a server that does not let us in any more ends the statement at its time-out, or finishes it. */
async function cancelInServer(session: Session, pid: number): Promise<void> {
  try {
    const { client, close } = await connect({ ...session, signal: AbortSignal.timeout(CANCEL_TIMEOUT_MS) });
    try {
      await client.query('SELECT pg_cancel_backend($1)', [pid]);
    } finally {
      await close();
    }
  } catch {
    // There is nobody left to tell: the check is being stopped.
  }
}

/** Runs `use` with a second session, for looking at what the first one does. */
export async function withSecondSession<T>(session: Session, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const { client, close } = await connect(session);
  try {
    await client.query(settings(session));
    return await use(client);
  } finally {
    await close();
  }
}

interface Connection {
  readonly client: pg.Client;
  /** Never fails and never takes long: a server that is gone does not say goodbye. */
  readonly close: () => Promise<void>;
}

/** A connection that nothing was asked of or set for yet. @throws DatabaseUnavailable; the signal's reason when that aborts. */
export async function connect({
  database,
  url,
  signal,
}: Pick<Session, 'database' | 'url' | 'signal'>): Promise<Connection> {
  signal.throwIfAborted();
  const socket = new Socket();
  const client = createClient(url, { database, socket });
  // A connection that breaks while nothing is asked of it emits this; the next query rejects and tells it.
  client.on('error', () => {});
  const giveUp = () => socket.destroy(); // a server that accepts and says nothing would hold us until the time-out
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    await client.connect();
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    throw unavailable(error, { database, url });
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
  return {
    client,
    async close() {
      await Promise.race([client.end().catch(() => {}), sleep(GOODBYE_MS, undefined, { ref: false })]);
      socket.destroy();
    },
  };
}

function createClient(url: string, { database, socket }: { database: string; socket: Socket }): pg.Client {
  try {
    if (!/^postgres(ql)?:$/.test(new URL(url).protocol)) throw new TypeError('another protocol');
    return new pg.Client({
      connectionString: url,
      // From the first moment: another check that looks meanwhile must not take it for one of somebody's.
      application_name: CHECK_APPLICATION,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      stream: () => socket,
    });
  } catch {
    // The cause holds the URL.
    throw new DatabaseUnavailable(
      'ERR_INVALID_URL',
      `database ${database}: ${whereItsUrlStands(database)} holds no URL of PostgreSQL; it begins with "postgres:"`,
    );
  }
}

/** Only after a pooler is ruled out: behind one these would stick to somebody else's session. */
function settings({ access, statementTimeoutMs }: Session): string {
  return [
    `SET application_name = '${CHECK_APPLICATION}'`,
    `SET statement_timeout = ${Math.round(statementTimeoutMs)}`,
    // A role may come with limits of its own, under which a long build would fail half way.
    'SET lock_timeout = 0',
    "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout'",
    `SET default_transaction_read_only = ${access === 'read-only' ? 'on' : 'off'}`,
  ].join(';');
}

/** The server's process id from the start of the connection; a pooler sends its own. */
function processIdOf(client: pg.Client): number {
  return (client as pg.Client & { readonly processID: number }).processID;
}

function behindPooler(database: string): Finding {
  return {
    passed: false,
    summary: `database ${database}: a connection pooler stands in front of PostgreSQL, so the numbers would be the pooler's`,
    evidence: [
      { what: 'connection', measured: 'through a pooler', required: 'direct', source: `database ${database}` },
    ],
    unblock: `give the worker a URL that leads to PostgreSQL itself, in ${whereItsUrlStands(database)}; the service may go on using the pooler`,
  };
}

function whereItsUrlStands(database: string): string {
  return `the variable that the runbook names in databases.${database}.urlEnv`;
}

/** Without the cause, on purpose: what is thrown ends in a history, and causes hold addresses and users. */
function unavailable(error: unknown, { database, url }: { database: string; url: string }): DatabaseUnavailable {
  const code = errorCode(error) ?? 'unknown';
  const { hostname, port } = new URL(url);
  const where = `${hostname || 'the local socket'}:${port || '5432'}`;
  const itsUrl = whereItsUrlStands(database);
  const words: Readonly<Record<string, string>> = {
    ECONNREFUSED: `nothing listens on ${where}; start PostgreSQL, or correct ${itsUrl}`,
    ENOTFOUND: `the host of ${where} is unknown; correct ${itsUrl}`,
    EAI_AGAIN: `the host of ${where} could not be looked up; is the name service up?`,
    '28P01': `the password or user is refused; correct ${itsUrl}`,
    '28000': `the user is refused; correct ${itsUrl}, or pg_hba.conf on the server`,
    '3D000': `there is no database of the name in ${itsUrl}`,
    '53300': 'no connection is free: too many clients already',
    '57P03': 'PostgreSQL is starting up or shutting down',
  };
  return new DatabaseUnavailable(
    code,
    `database ${database}: ${words[code] ?? `${where} did not let us in: ${messageOf(error)}`}`,
  );
}

/** A message from PostgreSQL, fit for a history. */
export function messageOf(error: unknown): string {
  const message: unknown = typeof error === 'object' && error !== null && 'message' in error ? error.message : error;
  return redact(String(message)).slice(0, 300);
}

/** A name as SQL takes it, whatever it holds. */
export function identifier(name: string): string {
  return pg.escapeIdentifier(name);
}
