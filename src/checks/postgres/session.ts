import pg from 'pg';
import type { CheckContext, Finding } from '../../plugin/index.ts';
import { CHECK_APPLICATION, type DatabaseAddress, open, type Target, whereItsUrlStands } from '../../postgres/index.ts';
import { readVariable } from '../../util/index.ts';

export { CHECK_APPLICATION, DatabaseUnavailable, messageOf } from '../../postgres/index.ts';

const CANCEL_TIMEOUT_MS = 3_000;

/** Which server of a list each session is on: a second session and a cancellation have to get to the same one. */
const servers = new WeakMap<pg.Client, Target>();

export interface Session extends DatabaseAddress {
  readonly access: 'read-only' | 'read-write';
  /** 0: none. */
  readonly statementTimeoutMs: number;
  readonly signal: AbortSignal;
}

/** How a check reaches a database of the runbook. @throws Error that names what is missing, never a URL. */
export function addressOf(context: CheckContext, database: string): DatabaseAddress {
  const { env, runbook } = context;
  return { database, url: context.databaseUrl(database), caFile: runbook.databases[database]?.caFile, env };
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
  const { client, close, target } = await open(session, signal);
  servers.set(client, target);
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped = cancelInServer(session, { target, pid: processIdOf(client) }).then(close);
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
async function cancelInServer(
  address: DatabaseAddress,
  { target, pid }: { readonly target: Target; readonly pid: number },
): Promise<void> {
  try {
    const { client, close } = await open(address, AbortSignal.timeout(CANCEL_TIMEOUT_MS), target);
    try {
      await client.query('SELECT pg_cancel_backend($1)', [pid]);
    } finally {
      await close();
    }
  } catch {
    // There is nobody left to tell: the check is being stopped.
  }
}

/** Runs `use` with a second session on the server of the first one, for looking at what that does. */
export async function withSecondSession<T>(
  session: Session & { readonly first: pg.Client },
  use: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const { client, close } = await open(session, session.signal, servers.get(session.first));
  try {
    await client.query(settings(session));
    return await use(client);
  } finally {
    await close();
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

/** A name as SQL takes it, whatever it holds. */
export function identifier(name: string): string {
  return pg.escapeIdentifier(name);
}
