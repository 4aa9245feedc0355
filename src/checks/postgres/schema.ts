import { z } from 'zod';

/** What several checks of PostgreSQL have in the runbook. */

export const database = z.string().min(1).describe('The name of one of `databases`.');
const pool = z.strictObject({
  instances: z.int().min(1).describe('The number of instances, each with its own pool.'),
  size: z.int().min(1).describe('The largest number of connections in the pool of one instance.'),
});

const ROLE = 'expected a role such as shop, a pattern such as v-*-shop-*, or a list of them';
const oneRole = z.string().min(1, ROLE);

const POOLER = 'expected { serverConnections: 10 }, or { console: NAME } of one of databases';
const instances = z.int().min(1).default(1).describe('The number of poolers that run side by side.');
const pooler = z.union(
  [
    z.strictObject({
      serverConnections: z
        .int()
        .min(1)
        .describe(
          'The largest number of connections to PostgreSQL that one pooler opens for the service, both versions together.',
        ),
      instances,
    }),
    z.strictObject({
      console: z
        .string()
        .min(1)
        .describe(
          'The name of one of `databases`, whose URL leads to the admin console of a PgBouncer: its sizes are read there.',
        ),
      instances,
    }),
  ],
  { error: POOLER },
);

/** Which sessions are the service's, and what it opens. */
export const service = {
  role: z
    .union([oneRole, z.array(oneRole).min(1, ROLE)], { error: ROLE })
    .describe(
      'The database role that the service connects as. Sessions of its members count as well: name the group if logins change. `*` in a name stands for any characters.',
    ),
  blue: pool.describe("Blue's connection pools."),
  green: pool.describe("Green's connection pools."),
  pooler: pooler
    .optional()
    .describe(
      'A pooler that both versions connect to (PgBouncer, Pgpool, RDS Proxy): the sum then has its connections instead of those of `blue` and `green`.',
    ),
  providerReserved: z
    .int()
    .min(0)
    .optional()
    .describe(
      'Connections that a managed service keeps for itself and PostgreSQL does not show. Default: 0. See docs/database-connections.md.',
    ),
};

export type PoolerConfig = z.output<typeof pooler>;

/** The databases that a check connects to, for the runbook's validation. */
export function databasesOf(check: { readonly database: string; readonly pooler?: PoolerConfig | undefined }) {
  const { pooler: through } = check;
  const own = { path: ['database'], database: check.database };
  return through && 'console' in through ? [own, { path: ['pooler', 'console'], database: through.console }] : [own];
}

/** Roles of the runbook: names, and patterns with `*`. */
export type Roles = string | readonly string[];

export const table = z
  .string()
  .regex(/^[^.\0]{1,63}(\.[^.\0]{1,63})?$/, 'expected table or schema.table')
  .describe('`table` or `schema.table`, as PostgreSQL stores it: upper and lower case matter.');

export const volume = z.strictObject({
  database,
  table,
  rows: z.int().min(1).describe('The smallest number of rows, by the estimate of PostgreSQL.'),
});
