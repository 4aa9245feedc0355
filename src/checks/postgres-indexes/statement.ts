import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { errorCode, type RunContext } from '../../util/index.ts';
import { messageOf, type Session, withSecondSession } from '../postgres/session.ts';
import { single } from './catalog.ts';

const LOOK_EVERY_MS = 1_000;
/** While we wait for a lock, other sessions queue behind us: wait only this long, then try again. */
const BRIEF_LOCK_MS = 2_000;
const BETWEEN_TRIES_MS = 1_000;
const LOCK_NOT_AVAILABLE = '55P03';

/** What a statement of the remedy is run with. */
export interface Work {
  readonly client: pg.Client;
  readonly session: Session;
  readonly run: RunContext;
}

interface Statement {
  readonly text: string;
  /** The index it is about, for the heartbeat. */
  readonly index: string;
}

/**
 * Runs one statement that may take hours and may wait for other sessions, with no time-out: one that fires half way
 * leaves an invalid index behind. Meanwhile a second session tells, with each heartbeat, how far it is and whom it
 * waits for. Returns how long it took.
 */
export function runLong(work: Work, statement: Statement): Promise<number> {
  return runWatched(work, statement, { lockTimeoutMs: 0 });
}

/** Runs one statement that is done in a moment, once it has its lock, and that leaves nothing behind if it does not. */
export async function runBriefly(work: Work, statement: Statement): Promise<void> {
  for (;;) {
    try {
      await runWatched(work, statement, { lockTimeoutMs: BRIEF_LOCK_MS });
      return;
    } catch (error) {
      if (errorCode(error) !== LOCK_NOT_AVAILABLE) throw error;
    }
    await sleep(BETWEEN_TRIES_MS, undefined, { signal: work.run.signal });
  }
}

async function runWatched(
  { client, session, run }: Work,
  { text, index }: Statement,
  { lockTimeoutMs }: { readonly lockTimeoutMs: number },
): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const pid = rows[0]?.pid;
  await client.query(`SET statement_timeout = 0; SET lock_timeout = ${lockTimeoutMs}`);
  const startedAt = performance.now();
  const ended = new AbortController();
  const looking = lookOn({ index, pid, client, session, run, ended: ended.signal });
  try {
    await client.query(single(text));
    return performance.now() - startedAt;
  } finally {
    ended.abort();
    await looking;
    await client.query(`SET statement_timeout = ${session.statementTimeoutMs}; SET lock_timeout = 0`).catch(() => {}); // it is gone
  }
}

interface Looking {
  readonly index: string;
  readonly pid: number | undefined;
  readonly client: pg.Client;
  readonly session: Session;
  readonly run: RunContext;
  readonly ended: AbortSignal;
}

/** Never throws: a build goes on whether it can be seen or not. */
async function lookOn(looking: Looking): Promise<void> {
  const { index, pid, client, session, run, ended } = looking;
  while (!ended.aborted) {
    try {
      await withSecondSession({ ...session, first: client, access: 'read-only', signal: ended }, async (observer) => {
        while (!ended.aborted) {
          const { rows } = await observer.query<Progress>(PROGRESS, [pid]);
          run.heartbeat({ index, phase: rows[0]?.phase ?? 'starting', waitsFor: rows[0]?.waitsFor ?? [] });
          await pause(ended);
        }
      });
    } catch (error) {
      if (!ended.aborted) run.heartbeat({ index, phase: `not visible: ${messageOf(error)}`, waitsFor: [] });
      await pause(ended);
    }
  }
}

async function pause(ended: AbortSignal): Promise<void> {
  await sleep(LOOK_EVERY_MS, undefined, { signal: ended }).catch(() => {}); // ended while pausing
}

interface Progress {
  readonly phase: string;
  readonly waitsFor: readonly string[];
}

/** Whom a build waits for: a transaction that is idle on quite another table is enough to hold it up. */
const PROGRESS = `
  SELECT
    coalesce(p.phase, 'waiting for a lock') || CASE
      WHEN p.tuples_total > 0 THEN format(', %s of %s rows', p.tuples_done, p.tuples_total)
      WHEN p.blocks_total > 0 THEN format(', %s of %s blocks', p.blocks_done, p.blocks_total)
      ELSE '' END AS phase,
    ARRAY(SELECT format('session %s of %s (%s), in its transaction for %s s', b.pid, coalesce(b.usename, 'somebody'),
            coalesce(b.state, 'state not visible'), coalesce(extract(epoch FROM now() - b.xact_start)::int::text, '?'))
          FROM pg_stat_activity b
          WHERE b.pid = ANY (pg_blocking_pids(a.pid)) OR b.pid = nullif(p.current_locker_pid, 0)
          ORDER BY b.pid LIMIT 5) AS "waitsFor"
  FROM pg_stat_activity a LEFT JOIN pg_stat_progress_create_index p ON p.pid = a.pid
  WHERE a.pid = $1`;
