import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { errorCode, type RunContext } from '../../util/index.ts';
import { blockingSessions } from '../postgres/blocking-sessions.ts';
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
  /** What a build that was stopped has left, in words: it is for a person to know when the remedy has ended. */
  readonly left: string[];
}

interface Statement {
  readonly text: string;
  /** For the heartbeat: `building the index orders_by_day`. */
  readonly doing: string;
}

/**
 * Runs one statement that may take hours and may wait for other sessions, with no time-out: one that fires half way
 * leaves an invalid index behind. Meanwhile a second session tells, with each heartbeat, how far it is and who holds
 * it up. Returns how long it took.
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
  { text, doing }: Statement,
  { lockTimeoutMs }: { readonly lockTimeoutMs: number },
): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const pid = rows[0]?.pid;
  await client.query(`SET statement_timeout = 0; SET lock_timeout = ${lockTimeoutMs}`);
  const startedAt = performance.now();
  const ended = new AbortController();
  const looking = lookOn({ doing, pid, client, session, run, ended: ended.signal });
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
  readonly doing: string;
  readonly pid: number | undefined;
  readonly client: pg.Client;
  readonly session: Session;
  readonly run: RunContext;
  readonly ended: AbortSignal;
}

/** Never throws: a build goes on whether it can be seen or not. */
async function lookOn({ doing, pid = 0, client, session, run, ended }: Looking): Promise<void> {
  while (!ended.aborted) {
    try {
      await withSecondSession({ ...session, first: client, access: 'read-only', signal: ended }, async (observer) => {
        while (!ended.aborted) {
          const [{ phase } = { phase: undefined }] = (await observer.query<{ phase: string }>(PHASE, [pid])).rows;
          const waitsFor = await blockingSessions(observer, pid);
          if (!ended.aborted) run.heartbeat({ doing: phase === undefined ? doing : `${doing} (${phase})`, waitsFor });
          await pause(ended);
        }
      });
    } catch (error) {
      if (!ended.aborted) run.heartbeat({ doing, problem: `its progress is not visible: ${messageOf(error)}` });
      await pause(ended);
    }
  }
}

async function pause(ended: AbortSignal): Promise<void> {
  await sleep(LOOK_EVERY_MS, undefined, { signal: ended }).catch(() => {}); // ended while pausing
}

/** How far an index build is. */
const PHASE = `
  SELECT phase || CASE
    WHEN tuples_total > 0 THEN format(', %s of %s rows', tuples_done, tuples_total)
    WHEN blocks_total > 0 THEN format(', %s of %s blocks', blocks_done, blocks_total)
    ELSE '' END AS phase
  FROM pg_stat_progress_create_index WHERE pid = $1`;
