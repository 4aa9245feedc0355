import { z } from 'zod';
import {
  type CheckBase,
  duration,
  envName,
  httpUrl,
  latencyLimit,
  serverAccess,
  share,
  TARGET_PLACEHOLDERS,
} from '../../runbook/index.ts';
import { volume } from '../postgres/schema.ts';
import { METHODS } from './client.ts';
import { columnsOf, pathProblem } from './weighted-paths.ts';

/** Trying the target, warming up, and waiting for the last answers. */
const AROUND_LOAD_MS = 15_000;
const FEWEST_REQUESTS = 20;

/** Anything but what the request itself has to say. */
const headerName = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'expected the name of a header')
  .refine(
    (name) => !/^(?:host|content-length|transfer-encoding|connection|upgrade|expect)$/i.test(name),
    'expected another header: this one is set by the client',
  );
const headers = z
  .record(
    headerName,
    z.union(
      [
        z.string().regex(/^[\x20-\x7e]*$/, 'expected text in ASCII'),
        z.strictObject({ env: envName.describe('The variable with the whole value, such as `Bearer abc`.') }),
      ],
      { error: 'expected text, or { env: NAME } for a secret' },
    ),
  )
  .default({});
const status = z.number().int().min(100).max(599);
const address = httpUrl(...TARGET_PLACEHOLDERS).refine(
  (url) => !/[?#]/.test(url),
  'expected no ? and # here: queries stand in paths',
);

export const schema = (base: CheckBase) =>
  base
    .extend({
      target: z
        .union([address, z.array(address).min(1)], { error: 'expected a URL, or a list of URLs' })
        .describe("Green's address in staging, never in production. The requests are spread evenly over several."),
      auth: serverAccess.auth,
      headers: headers.describe(
        'Headers of every request: the value, or the variable that holds it if it is a secret.',
      ),
      caFile: serverAccess.caFile,
      values: z
        .string()
        .min(1)
        .optional()
        .describe(
          'A CSV file on the worker. Its first line names the columns; `{column}` in a path, header or body is replaced by the value of a row that is picked at random for each request.',
        ),
      ramp: duration
        .optional()
        .describe(
          'How long the rate rises from 0 before the test, instead of the short warm-up. Nothing of it counts.',
        ),
      requestsPerSecond: z
        .number()
        .positive()
        .max(10_000)
        .describe('The rate, which stays constant even if answers are slow.'),
      duration: duration.prefault('1m').describe('The length of the test, after a short warm-up.'),
      paths: z
        .array(
          z.strictObject({
            path: z
              .string()
              .superRefine((path, context) => {
                const message = pathProblem(path);
                if (message !== undefined) context.addIssue({ code: 'custom', path: [], message });
              })
              .describe(
                'The path below the target. `{random:1:20000}` is replaced by a new random whole number in each request, also in headers and bodies.',
              ),
            method: z.enum(METHODS).default('GET').describe('The method. What POST and others write stays in staging.'),
            headers: headers.describe('Further headers of this path.'),
            body: z
              .string()
              .max(65_536)
              .optional()
              .describe('The body. One that begins with `{` or `[` is sent as JSON, unless a header says otherwise.'),
            status: z
              .union([status.transform((one) => [one]), z.array(status).min(1)], {
                error: 'expected a status such as 201, or a list of them',
              })
              .optional()
              .describe('The statuses that are a success. Default: every 2xx.'),
            contains: z.string().min(1).optional().describe('What the first megabyte of the answer has to contain.'),
            weight: z
              .number()
              .positive()
              .default(1)
              .describe('How often the path is requested, relative to the others.'),
          }),
        )
        .min(1)
        .describe('The paths to request.'),
      limits: z
        .strictObject({
          errorRate: share.optional().describe('The largest allowed share of failed requests.'),
          latency: latencyLimit.optional().describe('The latency limit.'),
        })
        .default({})
        .describe("The limits of the test. Default: the runbook's limits."),
      dataVolume: z.array(volume).default([]).describe('The data that staging needs for a realistic test.'),
    })
    .superRefine(({ requestsPerSecond, duration: lengthMs, ramp = 0, timeout, paths, values }, context) => {
      const fail = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
      if (ramp + lengthMs + AROUND_LOAD_MS > timeout)
        fail(
          'duration',
          `expected at least ${AROUND_LOAD_MS / 1_000}s less than the check's timeout, with the ramp: it warms up first`,
        );
      paths.forEach(({ path, method, body }, index) => {
        const [column] = columnsOf(path);
        const at = (key: string, message: string) =>
          context.addIssue({ code: 'custom', path: ['paths', index, key], message });
        if (column !== undefined && values === undefined)
          at('path', `found {${column}}, expected a file in values that has this column`);
        if (body !== undefined && (method === 'GET' || method === 'HEAD'))
          at('body', `expected none with ${method}: write method: POST or another`);
      });
      if ((requestsPerSecond * lengthMs) / 1_000 < FEWEST_REQUESTS)
        fail('duration', `expected at least ${FEWEST_REQUESTS} requests in it: fewer say nothing`);
    });

export type Config = z.output<ReturnType<typeof schema>>;
