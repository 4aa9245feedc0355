import type pg from 'pg';
import { errorCode } from '../../util/index.ts';
import { messageOf } from '../postgres/session.ts';
import { buildUnderWay, findTable, matchingIndexes, type WantedIndex } from './catalog.ts';
import { indexableOrProblem, missing, type Outcome, refused } from './findings.ts';

/** If another session takes the name in the meantime, try again this often; more often is no coincidence. */
const MOST_ATTEMPTS = 3;
const NAME_TAKEN = '42P07';

/** How a wanted index stands. Builds nothing and leaves nothing behind. */
export async function lookFor(client: pg.Client, wanted: WantedIndex): Promise<Outcome> {
  const table = indexableOrProblem(await findTable(client, wanted.table), wanted);
  if ('there' in table) return table;
  const existing = await matchingIndexes(client, table, wanted);
  const valid = existing.find(({ usable }) => usable);
  if (valid) return { there: true, index: valid, built: 0, measured: `${valid.name}, valid` };

  const invalidThere = existing.length > 0;
  const building = await buildUnderWay(client, table, { invalidThere });
  if (building === undefined) return missing(wanted, { table, invalidThere });
  return {
    there: false,
    measured: `being built now (${building})`,
    unblock: `wait until the index on ${wanted.table} is built, then check again`,
  };
}

/**
 * What PostgreSQL refuses is an outcome as well.
 * @throws Error in words when it could not be measured.
 */
export async function orRefusal(
  wanted: WantedIndex,
  { database, settle }: { readonly database: string; readonly settle: () => Promise<Outcome> },
): Promise<Outcome> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await settle();
    } catch (error) {
      const code = errorCode(error);
      if (code === NAME_TAKEN && attempt < MOST_ATTEMPTS) continue;
      const outcome = refused(error, wanted);
      if (outcome) return outcome;
      // The driver's own errors carry more than a history should hold.
      throw code === undefined ? error : new Error(`database ${database}: ${messageOf(error)} (${code})`);
    }
  }
}
