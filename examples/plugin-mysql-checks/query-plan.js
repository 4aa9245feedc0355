import { messageOf } from './session.js';

/** Of EXPLAIN's column `type`: reads every row, or the whole index. */
const FULL_SCANS = ['ALL', 'index'];
const REFUSALS = /^ER_(PARSE_ERROR|BAD_FIELD_ERROR|NO_SUCH_TABLE|WRONG_|NON_UNIQ|.*ACCESS_DENIED|.*DENIED_ERROR|VIEW_)/;

/** How the server would run a query of the runbook. It is planned, in a read-only transaction, and never run. */
export async function planQuery(ask, query, source) {
  const { name, table, maxRows, minRows } = query;
  const what = `query ${name} on ${table}`;
  const line = (measured) => ({
    what,
    measured,
    required: maxRows === undefined ? 'reads it by an index' : `at most ${maxRows} rows of it`,
    source,
  });
  const failed = (measured, unblock) => ({
    evidence: [line(measured)],
    problems: [{ found: `${what}: ${measured}`, unblock }],
  });
  const rows = await estimatedRows(ask, table);
  if (rows === undefined)
    return failed('there is no such table', `create ${table}, or correct its name in the runbook`);
  if (rows < minRows)
    return failed(
      `the table has about ${rows} rows, at least ${minRows} are needed to judge a plan`,
      `check against a database with more rows, run ANALYZE TABLE ${table}, or lower minRows`,
    );
  let plan;
  await ask('START TRANSACTION READ ONLY');
  try {
    plan = await ask(`EXPLAIN ${query.sql}`, query.parameters);
  } catch (error) {
    if (!REFUSALS.test(error.code ?? '')) throw error;
    return failed(messageOf(error), `correct query ${name} in the runbook, or GRANT SELECT on its tables`);
  } finally {
    await ask('ROLLBACK').catch(() => {}); // the connection is gone, and with it the transaction
  }
  const unqualified = table.split('.').at(-1);
  const aliases = aliasesOf(query.sql, unqualified);
  const reads = plan.filter((row) => aliases.includes(String(row.table).toLowerCase()));
  if (reads.length === 0)
    return failed(`its plan does not read ${table}`, `correct the table or the parameters of query ${name}`);
  const shown = reads
    .map(({ type, key, rows: read }) => `${type}${key === null ? '' : ` by ${key}`}, about ${read} rows`)
    .join('; ');
  const bad = reads.some(({ type, rows: read }) =>
    maxRows === undefined ? FULL_SCANS.includes(type) : Number(read) > maxRows,
  );
  if (!bad) return { evidence: [line(shown)], problems: [] };
  return failed(
    maxRows === undefined ? `it reads ${table} from end to end (${shown})` : `it reads too many rows (${shown})`,
    `give ${table} an index for the conditions of query ${name}; if this read is right, set maxRows`,
  );
}

async function estimatedRows(ask, table) {
  // MySQL 8 keeps old estimates for a day otherwise; MariaDB has no such variable.
  await ask('SET SESSION information_schema_stats_expiry = 0').catch((error) => {
    if (error.code !== 'ER_UNKNOWN_SYSTEM_VARIABLE') throw error;
  });
  const [schema, name] = table.includes('.') ? table.split('.') : [null, table];
  const [row] = await ask(
    'SELECT table_rows AS n FROM information_schema.tables WHERE table_schema = coalesce(?, database()) AND table_name = ?',
    [schema, name],
  );
  return row && Number(row.n);
}

/** EXPLAIN shows the alias of a table: `FROM items AS i`. */
function aliasesOf(sql, table) {
  const escaped = table.replaceAll(/[^\w]/g, '\\$&');
  const named = new RegExp(`(?:^|[\\s.,(\`])\`?${escaped}\`?\\s+(?:as\\s+)?\`?(\\w+)`, 'gi');
  return [table, ...[...sql.matchAll(named)].map(([, alias]) => alias)].map((each) => each.toLowerCase());
}
