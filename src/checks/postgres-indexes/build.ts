import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from '../../util/index.ts';
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
import { missing, nameTaken, type Outcome, uniquely } from './findings.ts';
import { runLong, type Work } from './statement.ts';

const LOOK_EVERY_MS = 1_000;

/** Which of the matching indexes will do: any valid one, or only one that can be part of a partitioned index. */
export type AcceptsIndex = (index: ExistingIndex) => boolean;

/**
 * Sees to it that a table that is not partitioned has the wanted index, without locking anybody out. A build that is
 * under way is waited for, not doubled (a worker may have died, and PostgreSQL went on); the invalid rest of one that
 * was interrupted is dropped first.
 */
export async function buildConcurrently(
  work: Work,
  wanted: WantedIndex,
  { table, fits }: { readonly table: Table; readonly fits: AcceptsIndex },
): Promise<Outcome> {
  const { client } = work;
  let existing = await matchingIndexes(client, table, wanted);
  const found = existing.find(fits);
  if (found) return { there: true, index: found, built: 0, measured: `${found.name} was there already` };

  const waited = await waitForOthers(work, table, existing);
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
  if (!built || !fits(built)) return missing(wanted, { table, invalidThere: built !== undefined });
  const before = leftover ? ', after the invalid rest of an interrupted build was dropped' : '';
  const measured = `${wanted.name} built concurrently in ${seconds(tookMs)}${before}`;
  return { there: true, index: built, built: 1, measured };
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

async function waitForOthers(work: Work, table: Table, existing: readonly ExistingIndex[]): Promise<boolean> {
  const invalidThere = existing.some(({ usable }) => !usable);
  for (let waited = false; ; waited = true) {
    const building = await buildUnderWay(work.client, table, { invalidThere });
    if (building === undefined) return waited;
    work.run.heartbeat({ phase: 'another session is building an index on this table', waitsFor: [building] });
    await sleep(LOOK_EVERY_MS, undefined, { signal: work.run.signal });
  }
}

async function create(work: Work, wanted: WantedIndex, table: Table): Promise<number> {
  const text = `CREATE ${uniquely(wanted)}INDEX CONCURRENTLY ${identifier(wanted.name)} ${definition(wanted, table.qualified)}`;
  try {
    return await runLong(work, { text, index: wanted.name });
  } catch (error) {
    // Rows contradict it. What is left of a unique index is invalid, but may already refuse what blue writes.
    if (errorCode(error)?.startsWith('23')) await dropInvalid(work, wanted, table).catch(() => {}); // the first error tells
    throw error;
  }
}

async function dropInvalid(work: Work, wanted: WantedIndex, table: Table): Promise<void> {
  const text = `DROP INDEX CONCURRENTLY IF EXISTS ${identifier(table.schema)}.${identifier(wanted.name)}`;
  await runLong(work, { text, index: wanted.name });
}
