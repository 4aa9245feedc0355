import { checkKind, commandRemedySchema, findingOf, name, remedyBase, z } from 'bluegreen/plugin';
import { buildIndex } from './create-index.js';
import { database, table } from './keys.js';
import { matchingIndexes } from './matching-indexes.js';
import { planQuery } from './query-plan.js';
import { identifier, messageOf, sessionOf, tableName, withSession } from './session.js';

const wantedIndex = z.strictObject({
  table,
  columns: z
    .array(z.string().min(1))
    .min(1)
    .describe('Columns in order, as in CREATE INDEX: `item_id`, `created_at DESC`, `title(20)`, `(lower(title))`.'),
  unique: z.boolean().default(false).describe('Whether the index is unique.'),
  name: z
    .string()
    .regex(/^[^`\0]{1,64}$/, 'expected a name of at most 64 characters')
    .describe('The name that the remedy gives the index.'),
});

const plannedQuery = z.strictObject({
  name: name.describe('The name in the evidence.'),
  sql: z
    .string()
    .regex(/^\s*(select|with)\b/i, 'expected a SELECT')
    .describe('The query, with ? for its parameters.'),
  parameters: z
    .array(z.union([z.string(), z.number(), z.boolean(), z.null()]))
    .default([])
    .describe('Typical values of the parameters.'),
  table: table.describe(
    'The table that has to be read by an index. If the query gives it an alias, the alias is found.',
  ),
  maxRows: z
    .int()
    .min(1)
    .optional()
    .describe("The most rows that may be read from it by the planner's estimate. If set, only this is checked."),
  minRows: z
    .int()
    .min(0)
    .default(1_000)
    .describe('The table needs at least this many rows: the plan for an almost empty table can differ.'),
});

export const mysqlIndexes = checkKind({
  kind: 'mysql-indexes',
  summary: 'The required indexes exist in MySQL or MariaDB, and queries use indexes.',
  schema: (base) =>
    base
      .extend({
        database,
        indexes: z
          .array(wantedIndex)
          .default([])
          .describe('The required indexes, compared by definition, not by name.'),
        queries: z.array(plannedQuery).default([]).describe('Queries to plan with EXPLAIN; they never run.'),
        remedy: z
          .union([
            z.strictObject({
              ...remedyBase,
              create: z.literal('online').describe('Builds missing indexes while the table is read and written.'),
            }),
            commandRemedySchema,
          ])
          .optional()
          .describe('A fix for a failed check.'),
      })
      .refine(({ indexes, queries }) => indexes.length + queries.length > 0, {
        message: 'expected indexes or queries: without any there is nothing to check',
      }),
  secretKeys: ['sql', 'parameters'],
  again: true,
  databases: (config) => [{ path: ['database'], database: config.database }],
  create: (config) => (context) =>
    withSession(sessionOf(config, context), async (ask) => {
      const source = `database ${config.database}`;
      const found = [];
      for (const wanted of config.indexes) {
        context.run.heartbeat({ doing: `comparing index ${wanted.name}` });
        found.push(await lookAtIndex(ask, wanted, source));
      }
      for (const query of config.queries) {
        context.run.heartbeat({ doing: `planning query ${query.name}` });
        found.push(await planQuery(ask, query, source));
      }
      return findingOf(
        found,
        `indexes that exist: ${config.indexes.length}; queries that use one: ${config.queries.length}`,
      );
    }),
  remedy: (config) => (config.remedy && 'create' in config.remedy ? buildIndexes(config) : undefined),
});

async function lookAtIndex(ask, wanted, source) {
  const what = `${wanted.unique ? 'unique index' : 'index'} on ${wanted.table} (${wanted.columns.join(', ')})`;
  const line = (measured) => [{ what, measured, required: 'exists and is used by queries', source }];
  try {
    const matching = await matchingIndexes(ask, wanted);
    const usable = matching.find(({ ignored }) => !ignored);
    if (usable) return { evidence: line(usable.name), problems: [] };
    const [hidden] = matching;
    const create = `CREATE ${wanted.unique ? 'UNIQUE ' : ''}INDEX ${identifier(wanted.name)} ON ${tableName(wanted.table)} (${wanted.columns.join(', ')}) ALGORITHM=INPLACE LOCK=NONE;`;
    return hidden
      ? {
          evidence: line(`${hidden.name} is invisible`),
          problems: [
            {
              found: `${what} is invisible to queries: ${hidden.name}`,
              unblock: `ALTER TABLE ${tableName(wanted.table)} ALTER INDEX ${identifier(hidden.name)} ${hidden.show};`,
            },
          ],
        }
      : { evidence: line('missing'), problems: [{ found: `${what} is missing`, unblock: `create it: ${create}` }] };
  } catch (error) {
    const unblock = refusal(error, wanted);
    if (unblock === undefined) throw error;
    return { evidence: line('unknown'), problems: [{ found: `${what}: ${messageOf(error)}`, unblock }] };
  }
}

/** What the server refuses in the wanted index or in our rights. undefined: it could not be measured. */
function refusal(error, { table: named, name: index }) {
  const reasons = {
    ER_NO_SUCH_TABLE: `create ${named}, or correct its name in the runbook (schema.table)`,
    ER_TABLEACCESS_DENIED_ERROR: `GRANT SELECT ON ${tableName(named)} to the check's user, and CREATE TEMPORARY TABLES on its schema`,
    ER_DBACCESS_DENIED_ERROR: "GRANT SELECT and CREATE TEMPORARY TABLES on the table's schema to the check's user",
    ER_KEY_COLUMN_DOES_NOT_EXITS: `correct the columns of index ${index} in the runbook, or the table ${named}`,
    ER_PARSE_ERROR: `correct the columns of index ${index} in the runbook`,
    ER_BLOB_KEY_WITHOUT_LENGTH: `give the length of the column in index ${index}: \`title(20)\``,
    ER_WRONG_SUB_KEY: `correct the lengths of columns in index ${index}`,
  };
  return reasons[error.code];
}

function buildIndexes(config) {
  return (context) =>
    withSession(sessionOf(config, context), async (ask) => {
      const outcomes = [];
      for (const wanted of config.indexes) outcomes.push(await buildIndex(ask, wanted, context.run));
      if (outcomes.length === 0)
        return { done: false, summary: 'the runbook names no index: there is nothing to build' };
      return { done: outcomes.every(({ done }) => done), summary: outcomes.map(({ summary }) => summary).join('; ') };
    });
}
