import { z } from 'zod';
import { duration, envName, httpUrl } from './scalars.ts';

const HEADER_VALUE = 'expected text without blanks, or { env: NAME } for a secret';
const header = z
  .string({ error: 'expected the name of a header' })
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'expected the name of a header')
  .refine((name) => name.toLowerCase() !== 'authorization', 'expected another header: use auth for this one');

/** With what a Prometheus, an Alertmanager or a Grafana is asked. */
export const serverAccess = {
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

/** Where a Prometheus answers, and with what it is asked. */
export const prometheusServer = {
  url: httpUrl().describe('The address of the HTTP API, without `/api/v1/query`.'),
  timeout: duration.prefault('5s').describe('The timeout of one request.'),
  ...serverAccess,
};

const server = z.strictObject(prometheusServer);
export type PrometheusServer = z.output<typeof server>;

const reachable = z.object({ url: z.string(), ...serverAccess });
export type ReachableServer = z.output<typeof reachable>;

/** The server that `metrics` of a runbook read, if they read one by a URL. */
export function serversOfMetrics(metrics: object): readonly ReachableServer[] {
  const { data } = reachable.safeParse(metrics);
  return data ? [data] : [];
}

/** A server with what it lacks of `auth`, `headers` and `caFile` taken from one of the `known` at the same host and port. */
export function withAccessOf(one: ReachableServer, known: readonly ReachableServer[]): ReachableServer {
  const { origin } = new URL(one.url);
  const same = known.find(({ url }) => URL.canParse(url) && new URL(url).origin === origin);
  const auth = one.auth ?? same?.auth;
  const caFile = one.caFile ?? same?.caFile;
  return {
    url: one.url,
    headers: { ...same?.headers, ...one.headers },
    ...(auth && { auth }),
    ...(caFile !== undefined && { caFile }),
  };
}
