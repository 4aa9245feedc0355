import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from '../../util/index.ts';
import { withBlocking } from '../postgres/blocking-sessions.ts';
import { identifier } from '../postgres/session.ts';
import {
  buildUnderWay,
  definition,
  type ExistingIndex,
  matchingIndexes,
  relationWithName,
  type Table,
  type WantedIndex,
} from './catalog.ts';
import { clearUp } from './clear-up.ts';
import { dropOf, missing, nameTaken, type Outcome, uniquely } from './findings.ts';
import { runLong, type Work } from './statement.ts';

const LOOK_EVERY_MS = 1_000;

/** Which of the matching indexes will do: any valid one, or only one that can be part of a partitioned index. */
export type AcceptsIndex = (index: ExistingIndex) => boolean;

/**
 * Sees to it that a table that is not partitioned has the wanted index, without locking anybody out. A build that is
 * under way is waited for, not doubled (a worker may have died, and PostgreSQL went on); the invalid rest of one that
 * was interrupted is dropped first. When it is stopped, it drops what it leaves if it can, and says so in `work.left`.
 */
export async function buildConcurrently(
  work: Work,
  wanted: WantedIndex,
  place: { readonly table: Table; readonly fits: AcceptsIndex },
): Promise<Outcome> {
  try {
    return await build(work, wanted, place);
  } catch (error) {
    if (work.run.signal.aborted) work.left.push(...(await clearUp(work, wanted, place.table)));
    throw error;
  }
}

async function build(
  work: Work,
  wanted: WantedIndex,
  { table, fits }: { readonly table: Table; readonly fits: AcceptsIndex },
): Promise<Outcome> {
  const { client } = work;
  let existing = await matchingIndexes(client, table, wanted);
  const found = existing.find(fits);
  if (found) return { there: true, index: found, built: 0, measured: `${found.name} was there already` };

  const waited = await waitForOthers(work, table);
  if (waited) existing = await matchingIndexes(client, table, wanted);
  const ofOthers = existing.find(fits);
  if (ofOthers)
    return { there: true, index: ofOthers, built: 0, measured: `${ofOthers.name}: another session was building it` };

  const leftover = existing.some(({ name, usable }) => name === wanted.name && !usable);
  const bearer = leftover ? undefined : await relationWithName(client, table, wanted.name);
  if (bearer !== undefined) return nameTaken(wanted, bearer);
  if (leftover) await dropInvalid(work, wanted, table);
  const tookMs = await create(work, wanted, table);

  const built = (await matchingIndexes(client, table, wanted)).find((index) => index.name === wanted.name);
  if (!built || !fits(built)) return missing(wanted, { table, invalid: built?.name });
  const before = leftover ? ', after the invalid rest of an interrupted build was dropped' : '';
  const measured = `${wanted.name} built concurrently in ${seconds(tookMs)}${before}`;
  return { there: true, index: built, built: 1, measured };
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

async function waitForOthers(work: Work, table: Table): Promise<boolean> {
  for (let waited = false; ; waited = true) {
    const building = await buildUnderWay(work.client, table);
    if (building === undefined) return waited;
    const doing = `waiting for another build of an index on ${table.qualified} (${building.phase ?? 'phase not visible'})`;
    work.run.heartbeat({ doing, waitsFor: await withBlocking(work.client, building.pid) });
    await sleep(LOOK_EVERY_MS, undefined, { signal: work.run.signal });
  }
}

async function create(work: Work, wanted: WantedIndex, table: Table): Promise<number> {
  const text = `CREATE ${uniquely(wanted)}INDEX CONCURRENTLY ${identifier(wanted.name)} ${definition(wanted, table.qualified)}`;
  try {
    return await runLong(work, { text, doing: `building the index ${wanted.name}` });
  } catch (error) {
    // Rows contradict it. What is left of a unique index is invalid, but may already refuse what blue writes.
    if (errorCode(error)?.startsWith('23')) await dropInvalid(work, wanted, table).catch(() => {}); // the first error tells
    throw error;
  }
}

async function dropInvalid(work: Work, wanted: WantedIndex, table: Table): Promise<void> {
  await runLong(work, { text: dropOf(table, wanted.name), doing: `dropping the invalid index ${wanted.name}` });
}
