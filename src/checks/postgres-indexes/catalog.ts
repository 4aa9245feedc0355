import type pg from 'pg';
import { identifier } from '../postgres/session.ts';
import type { Config } from './schema.ts';

export type WantedIndex = Config['indexes'][number];

export interface Table {
  readonly oid: string;
  /** pg_class.relkind: `r` a table, `m` a materialised view, `p` a partitioned table. */
  readonly kind: string;
  readonly schema: string;
  readonly name: string;
  /** Schema and name, quoted. */
  readonly qualified: string;
  /** It lies on a standby: not even a temporary table can be made there. */
  readonly standby: boolean;
}

export interface ExistingIndex {
  readonly oid: string;
  readonly name: string;
  /** Valid, ready and live: queries use it and writes keep it. An interrupted build leaves one that is not. */
  readonly usable: boolean;
  /** As unique as wanted and without included columns: only such a one can be a part of a partitioned index ... */
  readonly exact: boolean;
  /** ... and only if it is no part of one already. */
  readonly attached: boolean;
}

const TABLE = `
  SELECT c.oid::text AS oid, c.relkind AS kind, n.nspname AS schema, c.relname AS name,
    format('%I.%I', n.nspname, c.relname) AS qualified, pg_is_in_recovery() AS standby
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace`;

/** The table as this session finds it; undefined if there is none. */
export async function findTable(client: pg.Client, table: string): Promise<Table | undefined> {
  const { rows } = await client.query<Table>(`${TABLE} WHERE c.oid = to_regclass($1)`, [
    table.split('.').map(identifier).join('.'),
  ]);
  return rows[0];
}

/** The partitions directly below a partitioned table; each may be partitioned itself. */
export async function partitionsOf(client: pg.Client, table: Table): Promise<Table[]> {
  const { rows } = await client.query<Table>(
    `${TABLE} JOIN pg_inherits h ON h.inhrelid = c.oid
     WHERE h.inhparent = $1::oid AND NOT h.inhdetachpending ORDER BY n.nspname, c.relname`,
    [table.oid],
  );
  return rows;
}

/** What follows `INDEX name`: columns and predicate are SQL of the runbook's, which is trusted. */
export function definition(wanted: WantedIndex, on: string): string {
  const where = wanted.where === undefined ? '' : ` WHERE ${wanted.where}`;
  return `ON ${on} USING ${wanted.method} (${wanted.columns.join(', ')})${where}`;
}

/** Exactly one statement: the extended protocol takes no second one behind a semicolon. */
export function single(text: string): pg.QueryConfig {
  const query = { text, queryMode: 'extended' };
  return query;
}

/**
 * The table's indexes that are what is wanted, under whatever name. PostgreSQL itself says what the wanted index is: it
 * is built on an empty copy of the table, in a transaction that is rolled back, and the catalogs are compared. So
 * spelling does not matter, and order, collation, operator class and predicate do. Columns that are only included do
 * not matter, and a unique index serves where none is asked for.
 */
export async function matchingIndexes(client: pg.Client, table: Table, wanted: WantedIndex): Promise<ExistingIndex[]> {
  // The only transaction of a check that may write; so it says so, and leaves nothing behind.
  await client.query('BEGIN READ WRITE');
  try {
    await client.query(`CREATE TEMP TABLE bluegreen_wanted (LIKE ${table.qualified}) ON COMMIT DROP`);
    const unique = wanted.unique ? 'UNIQUE ' : '';
    await client.query(single(`CREATE ${unique}INDEX ${definition(wanted, 'pg_temp.bluegreen_wanted')}`));
    const { rows } = await client.query<ExistingIndex>(MATCHING, [table.oid]);
    return rows;
  } finally {
    await client.query('ROLLBACK').catch(() => {}); // the connection is gone, and with it the transaction
  }
}

const MATCHING = `
  WITH described AS (
    SELECT i.indexrelid::text AS oid, i.indrelid, c.relname AS name, c.relispartition AS attached, i.indisunique,
      i.indnatts = i.indnkeyatts AS plain, i.indisvalid AND i.indisready AND i.indislive AS usable,
      to_jsonb(i) ->> 'indnullsnotdistinct' AS nulls,
      (c.relam, i.indnkeyatts, i.indclass::text, i.indcollation::text, i.indoption::text,
       ARRAY(SELECT pg_get_indexdef(i.indexrelid, k, true) FROM generate_series(1, i.indnkeyatts) k ORDER BY k)::text,
       ARRAY(SELECT a.attoptions::text FROM pg_attribute a
             WHERE a.attrelid = i.indexrelid AND a.attnum BETWEEN 1 AND i.indnkeyatts ORDER BY a.attnum)::text,
       coalesce(pg_get_expr(i.indpred, i.indrelid, true), ''))::text AS what
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid IN ($1::oid, 'pg_temp.bluegreen_wanted'::regclass)
  )
  SELECT e.oid, e.name, e.usable, e.attached, e.plain AND e.indisunique = w.indisunique AS exact
  FROM described w JOIN described e ON e.what = w.what AND e.indrelid = $1::oid
  WHERE w.indrelid <> $1::oid AND (NOT w.indisunique OR (e.indisunique AND e.nulls IS NOT DISTINCT FROM w.nulls))
  ORDER BY e.usable DESC, e.name`;

/** The partition's part of a partitioned index; undefined if it has none yet. */
export async function partOf(
  client: pg.Client,
  index: ExistingIndex,
  partition: Table,
): Promise<ExistingIndex | undefined> {
  const { rows } = await client.query<ExistingIndex>(
    `SELECT i.indexrelid::text AS oid, c.relname AS name, i.indisvalid AND i.indisready AND i.indislive AS usable,
       true AS exact, true AS attached
     FROM pg_inherits h JOIN pg_index i ON i.indexrelid = h.inhrelid JOIN pg_class c ON c.oid = i.indexrelid
     WHERE h.inhparent = $1::oid AND i.indrelid = $2::oid`,
    [index.oid, partition.oid],
  );
  return rows[0];
}

/** The definition of the relation with this name in the table's schema; undefined if the name is free. */
export async function relationWithName(client: pg.Client, table: Table, name: string): Promise<string | undefined> {
  const { rows } = await client.query<{ what: string }>(
    `SELECT CASE WHEN c.relkind IN ('i', 'I') THEN pg_get_indexdef(c.oid) ELSE 'a relation that is no index' END AS what
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2`,
    [table.schema, name],
  );
  return rows[0]?.what;
}

/** An index build of another session. */
export interface Build {
  readonly pid: number;
  readonly application: string | null;
  /** How far it is; null for a role that may not see it. */
  readonly phase: string | null;
  /** The index that it builds, where that is known and to be seen: it is not while CREATE INDEX builds without CONCURRENTLY. */
  readonly index: string | null;
  /** It builds on the table itself, not on one of its partitions. */
  readonly onTable: boolean;
}

/**
 * The index build of another session on this table or one of its partitions. A role without the right sees that a session
 * builds, but not where: then the lock that a build holds on the table says it.
 */
export async function buildUnderWay(client: pg.Client, table: Table): Promise<Build | undefined> {
  const { rows } = await client.query<Build>(
    `SELECT p.pid, a.application_name AS application, p.phase, c.oid::text AS index,
       coalesce(p.relid = $1::oid, true) AS "onTable"
     FROM pg_stat_progress_create_index p
       JOIN pg_stat_activity a ON a.pid = p.pid LEFT JOIN pg_class c ON c.oid = p.index_relid
     WHERE p.datname = current_database() AND p.pid <> pg_backend_pid() AND (
       p.relid = $1::oid OR p.relid IN (SELECT relid FROM pg_partition_tree($1::oid)) OR p.relid IS NULL AND EXISTS (
         SELECT FROM pg_locks l WHERE l.pid = p.pid AND l.locktype = 'relation' AND l.relation = $1::oid AND l.granted
           AND l.mode IN ('ShareLock', 'ShareUpdateExclusiveLock')
           AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())))
     ORDER BY p.pid LIMIT 1`,
    [table.oid],
  );
  return rows[0];
}

/** Whether a build may be that of one of these indexes, and not of quite another one of the same table. */
export function mayBuild({ index, onTable }: Build, existing: readonly ExistingIndex[]): boolean {
  return !onTable || index === null || existing.some(({ oid }) => oid === index);
}
