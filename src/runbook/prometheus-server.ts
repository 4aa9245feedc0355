import { z } from 'zod';
import { duration, envName, httpUrl } from './scalars.ts';

const HEADER_VALUE = 'expected text without blanks, or { env: NAME } for a secret';
const header = z
  .string({ error: 'expected the name of a header' })
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'expected the name of a header')
  .refine((name) => name.toLowerCase() !== 'authorization', 'expected another header: use auth for this one');

/** Where a Prometheus answers, and with what it is asked. */
export const prometheusServer = {
  url: httpUrl().describe('The address of the HTTP API, without `/api/v1/query`.'),
  timeout: duration.prefault('5s').describe('The timeout of one request.'),
  auth: z
    .union(
      [
        z.strictObject({ tokenEnv: envName.describe('The variable with a bearer token.') }),
        z.strictObject({ basicEnv: envName.describe('The variable with `user:password`.') }),
      ],
      { error: 'expected { tokenEnv: NAME }, or { basicEnv: NAME } of a variable that holds user:password' },
    )
    .optional()
    .describe("Credentials, in a variable of the worker's environment."),
  headers: z
    .record(
      header,
      z.union(
        [
          z.string().regex(/^[\x21-\x7e]+$/, HEADER_VALUE),
          z.strictObject({ env: envName.describe('The variable with the value.') }),
        ],
        { error: HEADER_VALUE },
      ),
    )
    .default({})
    .describe('HTTP headers, such as a tenant: the value, or the variable that holds it if it is a secret.'),
  caFile: z.string().min(1).optional().describe('A PEM file on the worker with the certificate authorities to trust.'),
};

const server = z.strictObject(prometheusServer);
export type PrometheusServer = z.output<typeof server>;
