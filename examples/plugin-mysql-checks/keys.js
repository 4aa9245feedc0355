import { z } from 'bluegreen/plugin';

/** Keys that several of the checks have. */

export const database = z.string().min(1).describe('The name of one of `databases`.');

export const users = z
  .array(z.string().regex(/^[^*]+\*?$/, 'expected a user name, or the beginning of names and a *'))
  .min(1)
  .describe('The users that the service connects as. `v-shop-*` stands for all names that begin with `v-shop-`.');

const pool = z.strictObject({
  instances: z.int().min(1).describe('The number of instances, each with its own pool.'),
  size: z.int().min(1).describe('The largest number of connections in the pool of one instance.'),
});
export const pools = {
  blue: pool.describe("Blue's connection pools."),
  green: pool.describe("Green's connection pools."),
};

export const table = z
  .string()
  .regex(/^[^.`\0]{1,64}(\.[^.`\0]{1,64})?$/, 'expected table or schema.table')
  .describe('`table` or `schema.table`.');
