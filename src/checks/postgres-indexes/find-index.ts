import type pg from 'pg';
import { holderWords } from '../../domain/index.ts';
import { errorCode } from '../../util/index.ts';
import { withBlocking } from '../postgres/blocking-sessions.ts';
import { messageOf } from '../postgres/session.ts';
import { buildUnderWay, findTable, matchingIndexes, mayBuild, type WantedIndex } from './catalog.ts';
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

  const building = await buildUnderWay(client, table);
  if (building === undefined || !mayBuild(building, existing))
    return missing(wanted, { table, invalid: existing[0]?.name });
  const { pid, phase } = building;
  const [builder, ...others] = await withBlocking(client, pid);
  const now = Date.now();
  const held = others.map((holder) => `; it is held up by ${holderWords(holder, now)}`).join('');
  return {
    there: false,
    measured: `being built now by ${builder?.who ?? `session ${pid}`} (${phase ?? 'phase not visible'})${held}`,
    unblock: `wait until the index on ${wanted.table} is built, then check again`,
  };
}

/**
 * What PostgreSQL refuses is an outcome as well.
 * @throws Error in words when it could not be measured.
 */
export async function orRefusal(
  wanted: WantedIndex,
  {
    database,
    client,
    settle,
  }: { readonly database: string; readonly client: pg.Client; readonly settle: () => Promise<Outcome> },
): Promise<Outcome> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await settle();
    } catch (error) {
      const code = errorCode(error);
      if (code === NAME_TAKEN && attempt < MOST_ATTEMPTS) continue;
      const outcome = refused(error, wanted, client);
      if (outcome) return outcome;
      // The driver's own errors carry more than a history should hold.
      throw code === undefined ? error : new Error(`database ${database}: ${messageOf(error)} (${code})`);
    }
  }
}
