import { errorCode } from '../../util/index.ts';
import { CHECK_APPLICATION, identifier, messageOf, withSecondSession } from '../postgres/session.ts';
import { buildUnderWay, matchingIndexes, single, type Table, type WantedIndex } from './catalog.ts';
import { dropOf } from './findings.ts';
import type { Work } from './statement.ts';

/** Dropping waits for everybody who uses the table: a remedy whose time is over must not wait for long. */
const DROP_MS = 5_000;
/** For all of it; less than an activity gives to what it stops. */
const CLEAR_UP_MS = 9_000;
const CANCELLED = '57014';

/**
 * After a build of this index was stopped: ends builds of it by earlier attempts, whose workers were lost, and drops the
 * invalid index if that can be done at once. Never throws. Returns what a person has to know, in words.
 */
export async function clearUp({ client: first, session }: Work, wanted: WantedIndex, table: Table): Promise<string[]> {
  const index = `${identifier(table.schema)}.${identifier(wanted.name)}`;
  const byHand = `drop it when nothing holds it up any more: ${dropOf(table, wanted.name)}`;
  try {
    const signal = AbortSignal.timeout(CLEAR_UP_MS);
    return await withSecondSession({ ...session, first, statementTimeoutMs: DROP_MS, signal }, async (client) => {
      const left = (await matchingIndexes(client, table, wanted)).find(
        ({ name, usable }) => name === wanted.name && !usable,
      );
      if (!left) return [];
      await client.query(CANCEL_OWN_BUILDS, [left.oid, CHECK_APPLICATION]);
      const building = await buildUnderWay(client, table);
      if (building && building.application !== CHECK_APPLICATION) return []; // it is somebody else's
      try {
        await client.query(single(dropOf(table, wanted.name)));
        return [`the invalid index ${index} that it left was dropped`];
      } catch (error) {
        if (errorCode(error) !== CANCELLED) throw error;
        return [`it has left the invalid index ${index}, which every write has to maintain; ${byHand}`];
      }
    });
  } catch (error) {
    return [`it may have left the invalid index ${index} (${messageOf(error)}); if it is there, ${byHand}`];
  }
}

const CANCEL_OWN_BUILDS = `
  SELECT pg_cancel_backend(p.pid)
  FROM pg_stat_progress_create_index p JOIN pg_stat_activity a ON a.pid = p.pid
  WHERE p.index_relid = $1::oid AND a.application_name = $2 AND p.pid <> pg_backend_pid()`;
