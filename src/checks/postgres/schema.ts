import { z } from 'zod';

/** What several checks of PostgreSQL have in the runbook. */

export const database = z.string().min(1).describe('The name of one of `databases`.');
const pool = z.strictObject({
  instances: z.int().min(1).describe('The number of instances, each with its own pool.'),
  size: z.int().min(1).describe('The largest number of connections in the pool of one instance.'),
});
export const pools = {
  blue: pool.describe("Blue's connection pools."),
  green: pool.describe("Green's connection pools."),
};
export const role = z.string().min(1).describe('The database role that the service connects as.');

export const table = z
  .string()
  .regex(/^[^.\0]{1,63}(\.[^.\0]{1,63})?$/, 'expected table or schema.table')
  .describe('`table` or `schema.table`, as PostgreSQL stores it: upper and lower case matter.');

export const volume = z.strictObject({
  database,
  table,
  rows: z.int().min(1).describe('The smallest number of rows, by the estimate of PostgreSQL.'),
});
