import { z } from 'zod';

/** What several checks of PostgreSQL have in the runbook. */

export const database = z.string().min(1).describe('The name of one of `databases`.');
const pool = z.strictObject({
  instances: z.int().min(1).describe('The number of instances, each with its own pool.'),
  size: z.int().min(1).describe('The largest number of connections in the pool of one instance.'),
});

const ROLE = 'expected a role such as shop, a pattern such as v-*-shop-*, or a list of them';
const oneRole = z.string().min(1, ROLE);

/** Which sessions are the service's, and what it opens. */
export const service = {
  role: z
    .union([oneRole, z.array(oneRole).min(1, ROLE)], { error: ROLE })
    .describe(
      'The database role that the service connects as. Sessions of its members count as well: name the group if logins change. `*` in a name stands for any characters.',
    ),
  blue: pool.describe("Blue's connection pools."),
  green: pool.describe("Green's connection pools."),
  providerReserved: z
    .int()
    .min(0)
    .optional()
    .describe(
      'Connections that a managed service keeps for itself and PostgreSQL does not show. Default: 0. See docs/database-connections.md.',
    ),
};

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
