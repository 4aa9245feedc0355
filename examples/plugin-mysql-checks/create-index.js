import { setTimeout as sleep } from 'node:timers/promises';
import { matchingIndexes } from './matching-indexes.js';
import { identifier, messageOf, tableName } from './session.js';

/**
 * A build that waits for a lock makes every later query on the table wait behind it. So it waits only this long, and
 * tries again until the remedy's timeout.
 */
const LOCK_WAIT_S = 2;
const REST_MS = 3_000;
const BEAT_MS = 1_000;

/** Adds an index while the table is read and written. Another session's build is waited for, not doubled. */
export async function buildIndex(ask, wanted, { signal, heartbeat }) {
  const { name, table, columns, unique } = wanted;
  const on = tableName(table);
  const statement = `ALTER TABLE ${on} ADD ${unique ? 'UNIQUE ' : ''}INDEX ${identifier(name)} (${columns.join(', ')}), ALGORITHM=INPLACE, LOCK=NONE`;
  await ask(`SET SESSION lock_wait_timeout = ${LOCK_WAIT_S}`);
  for (;;) {
    const matching = await matchingIndexes(ask, wanted);
    if (matching.some(({ ignored }) => !ignored)) return { done: true, summary: `${matching[0].name} exists already` };
    const startedAt = Date.now();
    heartbeat({ doing: `building index ${name}` });
    const ticker = setInterval(() => heartbeat({ doing: `building index ${name}` }), BEAT_MS);
    try {
      await ask(statement);
      return { done: true, summary: `${name} built online in ${((Date.now() - startedAt) / 1_000).toFixed(1)} s` };
    } catch (error) {
      signal.throwIfAborted();
      if (error.code !== 'ER_LOCK_WAIT_TIMEOUT') return { done: false, summary: `${name}: ${advice(error, wanted)}` };
      heartbeat({ doing: `index ${name} waits for a lock on ${table}`, waitsFor: await openTransactions(ask) });
    } finally {
      clearInterval(ticker);
    }
    await sleep(REST_MS, undefined, { signal });
  }
}

function advice(error, { table, name }) {
  const reasons = {
    ER_DUP_ENTRY: `rows of ${table} contradict the unique index; correct them, then check again`,
    ER_DUP_KEYNAME: `another index has this name; give the wanted index another name in the runbook`,
    ER_ALTER_OPERATION_NOT_SUPPORTED: 'the server cannot build it online; build it in a maintenance window',
    ER_ALTER_OPERATION_NOT_SUPPORTED_REASON: 'the server cannot build it online; build it in a maintenance window',
    ER_TABLEACCESS_DENIED_ERROR: `GRANT ALTER, INDEX, INSERT, CREATE ON ${tableName(table)} to the check's user`,
    ER_OPTION_PREVENTS_STATEMENT: 'the server is read-only; name the primary in the runbook',
  };
  return `${messageOf(error)}; to do: ${reasons[error.code] ?? `build ${name} by hand`}`;
}

/** Who may hold it up: the oldest open transactions. */
async function openTransactions(ask) {
  const rows = await ask(
    `SELECT t.trx_mysql_thread_id AS id, p.user, p.command, timestampdiff(SECOND, t.trx_started, now()) AS seconds
     FROM information_schema.innodb_trx t JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id
     WHERE p.id <> connection_id() ORDER BY t.trx_started LIMIT 3`,
  );
  return rows.map(
    ({ id, user, command, seconds }) =>
      `session ${id} of ${user}, ${command === 'Sleep' ? 'idle in a transaction' : 'in a transaction'} for ${seconds} s; to end it: KILL ${id}`,
  );
}
