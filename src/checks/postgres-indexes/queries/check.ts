import type pg from 'pg';
import type { EvidenceLine } from '../../../domain/index.ts';
import { errorCode } from '../../../util/index.ts';
import { messageOf } from '../../postgres/session.ts';
import { findTable, single } from '../catalog.ts';
import { type Item, type Lacking, tableOrProblem } from '../findings.ts';
import { type PlanNode, type Read, readsOf, writes } from './plan.ts';
import { type PlannedQuery, refusedQuery } from './refusals.ts';
import { describeStatistics, poorStatistics, type Statistics, statisticsOf } from './statistics.ts';

const PREPARE = 'PREPARE bluegreen_query AS ';
const EXPLAIN = 'EXPLAIN (VERBOSE, FORMAT JSON) ';
const MOST_READS_SHOWN = 3;

/**
 * How PostgreSQL would run a query of the runbook with its sample parameters. It is planned and never run, in a
 * read-only transaction that is rolled back. Messages contain only the query's name, never its text or parameters.
 * @throws Error when it could not be planned for a reason that is not the query's.
 */
export async function planQuery(client: pg.Client, query: PlannedQuery, database: string): Promise<Item> {
  const source = `database ${database}`;
  await client.query('BEGIN READ ONLY');
  try {
    return await judge(client, query, source);
  } catch (error) {
    const refusal = refusedQuery(error, query, { before: PREPARE.length, client });
    if (refusal) return unplanned(query, refusal, source);
    const code = errorCode(error);
    throw code === undefined ? error : new Error(`${source}: query ${query.name}: ${messageOf(error)} (${code})`);
  } finally {
    await client.query('ROLLBACK; DEALLOCATE ALL').catch(() => {}); // the connection is gone, and with it both
  }
}

async function judge(client: pg.Client, query: PlannedQuery, source: string): Promise<Item> {
  const table = tableOrProblem(await findTable(client, query.table), query.table);
  if ('there' in table) return unplanned(query, table, source);
  const wrong = await prepare(client, query);
  if (wrong) return unplanned(query, wrong, source);

  const known = await statisticsOf(client, table);
  const statistics = describeStatistics(known, { ...query, source });
  const poor = poorStatistics(known, { ...query, table });
  if (poor) return { what: nameOf(query), evidence: [statistics], lacking: poor };

  const plan = await explain(client, query);
  if (writes(plan)) return unplanned(query, noQuery(query, 'it changes rows'), source);
  const reads = readsThatCount(readsOf(plan), known, query);
  const lacking = judgePlan(query, { plan, reads });
  const line = describePlan(query, { plan, reads, source });
  return { what: nameOf(query), evidence: [line, statistics], ...(lacking && { lacking }) };
}

/** PostgreSQL itself says whether this is one query, and of how many parameters. Nothing is planned or run yet. */
async function prepare(client: pg.Client, query: PlannedQuery): Promise<Lacking | undefined> {
  await client.query(single(`${PREPARE}${query.sql}`));
  const { rows } = await client.query<{ parameters: number; returnsRows: boolean }>(
    `SELECT cardinality(parameter_types) AS parameters,
       coalesce(to_jsonb(p) -> 'result_types' <> 'null', true) AS "returnsRows" -- PostgreSQL 15 does not tell
     FROM pg_prepared_statements p WHERE name = 'bluegreen_query'`,
  );
  const { parameters = 0, returnsRows = true } = rows[0] ?? {};
  if (!returnsRows) return noQuery(query, 'it returns no rows');
  if (parameters === query.parameters.length) return undefined;
  return {
    there: false,
    measured: `parameters it takes: ${parameters}, and the runbook gives ${query.parameters.length}`,
    unblock: `give query ${query.name} a sample value for each of $1, $2, ... in the runbook, in their order`,
  };
}

async function explain(client: pg.Client, query: PlannedQuery): Promise<PlanNode> {
  const text = `${EXPLAIN}${query.sql}`;
  const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>({
    ...single(text),
    values: [...query.parameters],
  });
  const [row] = rows;
  if (!row) throw new Error('PostgreSQL gave no plan');
  return row['QUERY PLAN'][0].Plan;
}

/** Reading a small partition from end to end is right; what counts is how the large ones are read. */
function readsThatCount(reads: readonly Read[], known: readonly Statistics[], { minRows }: PlannedQuery): Read[] {
  const ours = reads.flatMap((read) => {
    const leaf = known.find(({ schema, table }) => schema === read.schema && table === read.table);
    return leaf ? [{ read, rows: leaf.rows }] : [];
  });
  const large = ours.filter(({ rows }) => rows >= minRows);
  return (large.length > 0 ? large : ours).map(({ read }) => read);
}

interface Planned {
  readonly plan: PlanNode;
  readonly reads: readonly Read[];
}

function judgePlan(query: PlannedQuery, { plan, reads }: Planned): Lacking | undefined {
  const { name, table, maxCost } = query;
  const cost = plan['Total Cost'];
  const [first] = reads;
  if (!first)
    return {
      there: false,
      measured: `its plan does not read ${table}`,
      unblock: `correct table or parameters of query ${name}: with these it never reads ${table}`,
    };
  if (maxCost !== undefined)
    return cost < maxCost
      ? undefined
      : {
          there: false,
          measured: `the planner's cost is ${cost}, and has to stay under ${maxCost}`,
          unblock: `give ${table} an index that serves query ${name}, make the query cheaper, or raise its maxCost if this is right`,
        };
  const bad = reads.find(({ byCondition }) => !byCondition);
  return (
    bad && {
      there: false,
      measured: `it reads ${bad.schema}.${bad.table} from end to end (${bad.how})`,
      unblock: `give ${table} an index that serves the conditions of query ${name}; the remedy builds it when it stands under indexes of this check; where such a read is right, set maxCost instead`,
    }
  );
}

/** Without the conditions themselves: they hold the parameters. */
function describePlan(
  query: PlannedQuery,
  { plan, reads, source }: Planned & { readonly source: string },
): EvidenceLine {
  const shown = [...reads].sort((a, b) => Number(a.byCondition) - Number(b.byCondition)).slice(0, MOST_READS_SHOWN);
  const more = reads.length > shown.length ? [`${reads.length - shown.length} more reads`] : [];
  const lines = shown.map(({ how, schema, table, indexes, byCondition, cost }) => {
    const by = indexes.length === 0 ? '' : ` using ${indexes.join(' and ')}${byCondition ? ' by a condition' : ''}`;
    return `${how} on ${schema}.${table}${by} (cost ${cost})`;
  });
  return {
    what: `plan of ${nameOf(query)}`,
    measured: [...lines, ...more, `total cost ${plan['Total Cost']}`].join('; '),
    required:
      query.maxCost === undefined ? 'every read uses an index by a condition' : `total cost under ${query.maxCost}`,
    source,
  };
}

function noQuery({ name }: PlannedQuery, why: string): Lacking {
  return {
    there: false,
    measured: `it is no query: ${why}`,
    unblock: `make query ${name} a SELECT that only reads, such as the one that finds the rows of this change`,
  };
}

function unplanned(query: PlannedQuery, lacking: Lacking, source: string): Item {
  const line = { what: nameOf(query), measured: lacking.measured, required: 'a query that can be planned', source };
  return { what: nameOf(query), evidence: [line], lacking };
}

function nameOf({ name, table }: PlannedQuery): string {
  return `query ${name} on ${table}`;
}
