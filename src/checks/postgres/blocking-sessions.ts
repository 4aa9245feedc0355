import type pg from 'pg';
import type { Holder } from '../../domain/index.ts';

const MOST_SHOWN = 5;

/**
 * Who keeps a session waiting, the longest transaction first: the sessions that block it, those that block
 * these, and prepared transactions, which no session shows. Empty while nobody does.
 */
export async function blockingSessions(client: pg.Client, pid: number): Promise<Holder[]> {
  const { rows } = await client.query<SessionRow>(BLOCKING, [pid]);
  const sessions = rows.filter((row) => row.pid > 0).map(sessionHolder);
  const prepared = rows.some((row) => row.pid === 0) ? (await client.query<PreparedRow>(PREPARED)).rows : [];
  return [...sessions, ...prepared.map(preparedHolder)].slice(0, MOST_SHOWN);
}

/** The session itself, if it is still there, and who keeps it waiting. */
export async function withBlocking(client: pg.Client, pid: number): Promise<Holder[]> {
  const { rows } = await client.query<SessionRow>(`${SESSION} WHERE pid = $1`, [pid]);
  return [...rows.map(sessionHolder), ...(await blockingSessions(client, pid))];
}

interface SessionRow {
  /** 0 for a prepared transaction. */
  readonly pid: number;
  readonly role: string | null;
  readonly application: string | null;
  readonly address: string | null;
  /** Null for a role that may not see it. */
  readonly state: string | null;
  readonly backend: string | null;
  readonly since: Date | null;
}

const SESSION = `
  SELECT pid, usename AS role, application_name AS application, host(client_addr) AS address, state,
    backend_type AS backend, xact_start AS since
  FROM pg_stat_activity`;

/** Not current_locker_pid of the index build: for a prepared transaction that is the session which prepared it, long idle. */
const BLOCKING = `
  WITH RECURSIVE blocking (pid) AS (
    SELECT unnest(pg_blocking_pids($1))
    UNION
    SELECT blocker FROM blocking, unnest(pg_blocking_pids(blocking.pid)) AS blocker
  )
  ${SESSION} WHERE pid IN (SELECT pid FROM blocking) AND pid <> $1
  UNION ALL
  SELECT 0, NULL, NULL, NULL, NULL, NULL, NULL WHERE 0 IN (SELECT pid FROM blocking)
  ORDER BY since NULLS LAST, pid`;

function sessionHolder({ pid, role, application, address, state, backend, since }: SessionRow): Holder {
  const from = [application, address && `from ${address}`].filter(Boolean).join(' ');
  const whose = role === null ? (backend ?? 'unknown') : `of ${role}`;
  const seen = state ?? (role === null ? undefined : 'its state is not visible: grant pg_read_all_stats');
  return {
    who: `session ${pid} ${whose}${from === '' ? '' : ` (${from})`}${seen === undefined ? '' : `, ${seen}`}`,
    ...(since === null ? {} : { since: since.toISOString() }),
    toEnd: `SELECT pg_terminate_backend(${pid});`,
  };
}

interface PreparedRow {
  readonly gid: string;
  readonly owner: string;
  readonly prepared: Date;
  readonly command: string;
}

const PREPARED = `
  SELECT gid, owner, prepared, format('ROLLBACK PREPARED %L;', gid) AS command
  FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared`;

function preparedHolder({ gid, owner, prepared, command }: PreparedRow): Holder {
  return { who: `prepared transaction "${gid}" of ${owner}`, since: prepared.toISOString(), toEnd: command };
}
