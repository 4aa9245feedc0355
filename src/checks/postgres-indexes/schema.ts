import { z } from 'zod';
import { type CheckBase, commandRemedySchema, name, remedyBase } from '../../runbook/index.ts';
import { database, table } from '../postgres/schema.ts';

const wantedIndex = z.strictObject({
  table,
  columns: z
    .array(z.string().min(1))
    .min(1)
    .describe('Columns or expressions in order, as in CREATE INDEX: `item_id`, `created_at DESC`.'),
  unique: z.boolean().default(false).describe('Whether the index is unique.'),
  method: z
    .string()
    .regex(/^[a-z_][a-z0-9_]*$/, 'expected an access method such as btree or gin')
    .default('btree')
    .describe('The access method.'),
  where: z.string().min(1).optional().describe('The condition of a partial index.'),
  name: z
    .string()
    .regex(/^[^.\0]{1,63}$/, 'expected a name of at most 63 characters without a dot')
    .describe('The name that the remedy gives the index. Names of partition indexes begin with it.'),
});

const plannedQuery = z.strictObject({
  name: name.describe('The name in the evidence.'),
  sql: z.string().min(1).describe('The query, with $1, $2, ... for its parameters.'),
  parameters: z
    .array(
      z.union([z.string(), z.number(), z.boolean(), z.null()], {
        error: 'expected text, a number, true, false or null',
      }),
    )
    .default([])
    .describe("Typical values of $1, $2, ...; write arrays as PostgreSQL does: `'{1,2}'`."),
  table: table.describe('The table that has to be read with an index condition.'),
  maxCost: z
    .number()
    .positive()
    .optional()
    .describe(
      "The largest allowed cost by the planner's estimate. If set, only the cost is checked, not how the table is read.",
    ),
  minRows: z
    .int()
    .min(0)
    .default(1_000)
    .describe('The table needs at least this many rows: the plan for an almost empty table can differ.'),
});

export const schema = (base: CheckBase) =>
  base
    .extend({
      database,
      indexes: z.array(wantedIndex).default([]).describe('The required indexes, compared by definition, not by name.'),
      queries: z
        .array(plannedQuery)
        .default([])
        .describe(
          'Queries to plan with EXPLAIN; they never run. They may read `table` only with index conditions, or within `maxCost`.',
        ),
      remedy: z
        .union(
          [
            z.strictObject({
              ...remedyBase,
              create: z.literal('concurrently').describe('Builds missing indexes without locking the table.'),
            }),
            commandRemedySchema,
          ],
          {
            error: 'expected { create: concurrently } or { command: [program, ...] }, automatic and timeout optional',
          },
        )
        .optional()
        .describe('A fix for a failed check.'),
    })
    .refine(({ indexes, queries }) => indexes.length + queries.length > 0, {
      message: 'expected indexes or queries: without any there is nothing to check',
    });

export type Config = z.output<ReturnType<typeof schema>>;
