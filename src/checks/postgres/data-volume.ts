import type pg from 'pg';
import type { z } from 'zod';
import { grouped } from '../../format/index.ts';
import type { CheckContext, Finding } from '../../plugin/index.ts';
import { errorCode } from '../../util/index.ts';
import type { volume } from './schema.ts';
import { addressOf, identifier, messageOf, withSession } from './session.ts';

type Volume = z.output<typeof volume>;

/** Counting is cheap up to millions of rows; a table for which this is too short is better analyzed than counted. */
const STATEMENT_TIMEOUT_MS = 60_000;
/** PostgreSQL estimates from a sample of a table's pages: believed only well above what is asked. */
const WELL_ABOVE = 1.5;

/** Each table holds as many rows as the runbook asks: queries against an almost empty database prove nothing. */
export async function dataVolume(
  volumes: readonly Volume[],
  context: CheckContext,
  signal: AbortSignal,
): Promise<Finding> {
  const findings: Finding[] = [];
  for (const volume of volumes) {
    context.run.heartbeat({ doing: 'counting rows', table: volume.table });
    const session = {
      ...addressOf(context, volume.database),
      access: 'read-only',
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      signal,
    } as const;
    const finding = await withSession(session, (client) => lookAt(client, volume));
    signal.throwIfAborted(); // PostgreSQL does not tell a statement that we cancelled from one that took too long
    findings.push(finding);
  }
  const short = findings.filter(({ passed }) => !passed);
  const evidence = findings.flatMap((each) => each.evidence);
  if (short.length === 0) return { passed: true, summary: 'the data volume is as asked', evidence };
  return {
    passed: false,
    summary: short.map(({ summary }) => summary).join('; '),
    evidence,
    unblock: short.flatMap(({ unblock }) => unblock ?? []).join('; '),
  };
}

async function lookAt(client: pg.Client, volume: Volume): Promise<Finding> {
  try {
    const { rows } = volume;
    const table = await findTable(client, volume.table);
    if (table === undefined)
      return found(volume, {
        measured: 'no such table',
        unblock: `create and fill ${volume.table} in database ${volume.database}, or correct its name in the runbook`,
      });
    if (table.surely >= WELL_ABOVE * rows)
      return found(volume, { measured: `${grouped(table.surely)} or more, by PostgreSQL's statistics` });
    const counted = await countUpTo(client, table.qualified, rows);
    if (counted >= rows) return found(volume, { measured: `${grouped(rows)} or more, counted` });
    return found(volume, {
      measured: `${grouped(counted)}, counted`,
      unblock: `fill ${volume.table} on staging with at least ${grouped(rows)} rows that are like production's`,
    });
  } catch (error) {
    return notCounted(error, volume, client.user ?? 'its role');
  }
}

interface Table {
  /** Schema and name, quoted. */
  readonly qualified: string;
  /**
   * How many rows there are at least, without reading them: the newest estimate less everything that was changed since,
   * as though all of it had been deleted. 0 where nobody has analyzed the table since the statistics began: the estimate
   * may then be of any age (restored, or from before a crash). Of a partitioned table, the sum of its partitions.
   */
  readonly surely: number;
}

async function findTable(client: pg.Client, table: string): Promise<Table | undefined> {
  const { rows } = await client.query<Table>(
    `SELECT format('%I.%I', n.nspname, t.relname) AS qualified, (
       SELECT coalesce(sum(floor(greatest(c.reltuples - s.n_mod_since_analyze, 0))), 0)::float8
       FROM (SELECT t.oid UNION SELECT relid::oid FROM pg_partition_tree(t.oid) WHERE isleaf) AS parts (oid)
       JOIN pg_class c ON c.oid = parts.oid JOIN pg_stat_all_tables s ON s.relid = parts.oid
       WHERE c.relkind IN ('r', 'm') AND coalesce(s.last_analyze, s.last_autoanalyze) IS NOT NULL
     ) AS surely
     FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace WHERE t.oid = to_regclass($1)`,
    [quoted(table)],
  );
  return rows[0];
}

/** Exact below the limit, and reads no more than that many rows. */
async function countUpTo(client: pg.Client, qualified: string, limit: number): Promise<number> {
  const { rows } = await client.query<{ n: string }>(
    `SELECT count(*) AS n FROM (SELECT 1 FROM ${qualified} LIMIT $1) AS first_rows`,
    [limit],
  );
  return Number(rows[0]?.n);
}

function notCounted(error: unknown, volume: Volume, user: string): Finding {
  const { table, database } = volume;
  switch (errorCode(error)) {
    case '42501':
      return found(volume, {
        measured: messageOf(error),
        unblock: grants(table, user),
      });
    case '57014':
      return found(volume, {
        measured: `not counted within ${STATEMENT_TIMEOUT_MS / 1_000} s, and its statistics are too old, or too low, to decide`,
        unblock: `ANALYZE ${quoted(table)}; in database ${database}, then check again`,
      });
    default:
      // The driver's own errors carry more than a history should hold.
      throw new Error(`database ${database}, table ${table}: ${messageOf(error)} (${errorCode(error) ?? 'unknown'})`);
  }
}

function found(
  { table, database, rows }: Volume,
  { measured, unblock }: { readonly measured: string; readonly unblock?: string },
): Finding {
  const required = `at least ${grouped(rows)}`;
  return {
    passed: unblock === undefined,
    summary: `rows of ${table}: ${measured}; expected ${required}`,
    evidence: [{ what: `rows of ${table}`, measured, required, source: `database ${database}` }],
    ...(unblock !== undefined && { unblock }),
  };
}

function grants(table: string, user: string): string {
  const role = identifier(user);
  const [schema = ''] = table.includes('.') ? table.split('.') : [];
  const usage = schema === '' ? '' : `GRANT USAGE ON SCHEMA ${identifier(schema)} TO ${role}; `;
  return `${usage}GRANT SELECT ON ${quoted(table)} TO ${role};`;
}

function quoted(table: string): string {
  return table.split('.').map(identifier).join('.');
}
