import type pg from 'pg';
import type { EvidenceLine } from '../../../domain/index.ts';
import type { Table } from '../catalog.ts';
import type { Lacking } from '../findings.ts';

/** Autovacuum analyzes a table by default after 50 rows and a tenth of it have changed. Twice as many is overdue ... */
const CHANGED_ROWS = 100;
const CHANGED_SHARE = 0.2;
/** ... but not right after an ANALYZE: a session counts what it changed up to a minute later, also what was analyzed. */
const FRESH = '5 minutes';

/** A table that holds rows, and what the planner knows of it: the table itself, or a partition. */
export interface Statistics {
  readonly schema: string;
  readonly table: string;
  readonly qualified: string;
  /** The planner's estimate; -1: the table was never analyzed. */
  readonly rows: number;
  readonly analyzedAt: Date | null;
  /** What ANALYZE found is there: counters are lost in a crash, and a standby has none. */
  readonly described: boolean;
  readonly changed: number;
  readonly justAnalyzed: boolean;
}

export async function statisticsOf(client: pg.Client, table: Table): Promise<Statistics[]> {
  const { rows } = await client.query<Statistics>(
    `WITH RECURSIVE tree AS (
       SELECT $1::oid AS oid UNION SELECT h.inhrelid FROM tree JOIN pg_inherits h ON h.inhparent = tree.oid
     )
     SELECT n.nspname AS schema, c.relname AS table, format('%I.%I', n.nspname, c.relname) AS qualified,
       CASE WHEN c.reltuples < 0 AND pg_relation_size(c.oid) = 0 THEN 0 ELSE c.reltuples END::float8 AS rows,
       greatest(s.last_analyze, s.last_autoanalyze) AS "analyzedAt",
       EXISTS (SELECT FROM pg_stats d WHERE d.schemaname = n.nspname AND d.tablename = c.relname) AS described,
       coalesce(s.n_mod_since_analyze, 0)::float8 AS changed,
       coalesce(greatest(s.last_analyze, s.last_autoanalyze) > now() - interval '${FRESH}', false) AS "justAnalyzed"
     FROM tree JOIN pg_class c ON c.oid = tree.oid JOIN pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
     WHERE c.relkind IN ('r', 'm') ORDER BY qualified`,
    [table.oid],
  );
  return rows;
}

export function describeStatistics(
  known: readonly Statistics[],
  { table, minRows, source }: { readonly table: string; readonly minRows: number; readonly source: string },
): EvidenceLine {
  const rows = rowsOf(known);
  const where = known.length === 1 ? '' : ` in ${known.length} partitions`;
  const times = known.flatMap(({ analyzedAt }) => (analyzedAt ? [analyzedAt.getTime()] : []));
  const analyzed =
    times.length === 0 ? 'no ANALYZE on record' : `analyzed at ${new Date(Math.min(...times)).toISOString()}`;
  const changed = known.reduce((sum, leaf) => sum + (leaf.justAnalyzed ? 0 : leaf.changed), 0);
  const since = known.every(({ justAnalyzed }) => justAnalyzed) ? 'just now' : `${changed} rows changed since`;
  return {
    what: `statistics of ${table}`,
    measured: `${rows < 0 ? 'rows unknown' : `${rows} rows`}${where}, ${analyzed}, ${since}`,
    required: `at least ${minRows} rows, analyzed, at most ${CHANGED_SHARE * 100} % of them changed since`,
    source,
  };
}

/** Why a plan on these statistics would say nothing about production, if so. */
export function poorStatistics(
  known: readonly Statistics[],
  { name, table, minRows }: { readonly name: string; readonly table: Table; readonly minRows: number },
): Lacking | undefined {
  const lacking = (measured: string, unblock: string): Lacking => ({ there: false, measured, unblock });
  const unknown = known.filter(
    ({ rows, analyzedAt, described }) => rows < 0 || (rows > 0 && !analyzedAt && !described),
  );
  if (unknown.length > 0)
    return lacking(`${names(unknown)} was never analyzed, so its plan is a guess`, analyze(unknown, table));
  const stale = known.filter(
    ({ rows, changed, justAnalyzed }) => !justAnalyzed && changed > CHANGED_ROWS + CHANGED_SHARE * rows,
  );
  if (stale.length > 0)
    return lacking(`too much of ${names(stale)} changed since it was analyzed`, analyze(stale, table));
  const rows = rowsOf(known);
  if (rows < minRows)
    return lacking(
      `${table.qualified} has ${rows} rows, fewer than ${minRows}: a plan for it says nothing about a full table`,
      `check against a database with as many rows as production, or lower minRows of query ${name}; if it has more rows, ANALYZE ${table.qualified};`,
    );
  return undefined;
}

function rowsOf(known: readonly Statistics[]): number {
  return known.reduce((sum, { rows }) => (rows < 0 || sum < 0 ? -1 : sum + rows), 0);
}

function names(leaves: readonly Statistics[]): string {
  const [first] = leaves;
  return `${first?.qualified ?? ''}${leaves.length > 1 ? ` (and ${leaves.length - 1} more of its partitions)` : ''}`;
}

function analyze(leaves: readonly Statistics[], table: Table): string {
  const [only] = leaves;
  return `ANALYZE ${only && leaves.length === 1 ? only.qualified : table.qualified};`;
}
