import { z } from 'zod';
import { parseSelector } from '../promql/index.ts';
import { command, duration, envName, httpUrl, latencyLimit, name, share, template } from './scalars.ts';
import { pathProblem } from './weighted-paths.ts';

/** The checklist's part of the runbook's schema: one entry for each kind of check in `src/checks/`. */

/** What a check may name of the deployment it is for; {version} is green. */
const TARGET = ['service', 'environment', 'version', 'blue'] as const;

const remedyBase = {
  automatic: z
    .boolean()
    .default(false)
    .describe(
      'Runs once without being asked when the check fails. Otherwise a person runs it with `recheck --remedy`.',
    ),
  timeout: duration.prefault('1h').describe('The longest it may take.'),
};
const commandRemedy = z.strictObject({
  ...remedyBase,
  command: command(...TARGET).describe('The program that fixes what the check found.'),
});

const base = {
  id: name.describe('The name for commands such as `recheck --check ID`; unique in the runbook.'),
  title: z.string().min(1).describe('The title that people see.'),
  group: z.string().min(1).describe('The checks of one group run in order; groups run in parallel.'),
  critical: z.boolean().default(false).describe('A critical check can never be waived.'),
  timeout: duration.prefault('10m').describe('The longest it may take.'),
};
const mendable = { ...base, remedy: commandRemedy.optional().describe('A fix that can be run when the check fails.') };

const database = z.string().min(1).describe('The name of one of `databases`.');
const pool = z.strictObject({
  instances: z.int().min(1).describe('How many instances have such a pool.'),
  size: z.int().min(1).describe('The largest number of connections of one pool.'),
});
const pools = { blue: pool.describe("Blue's connection pools."), green: pool.describe("Green's connection pools.") };
const role = z.string().min(1).describe('The database role that the service connects as.');

const table = z
  .string()
  .regex(/^[^.\0]{1,63}(\.[^.\0]{1,63})?$/, 'expected table or schema.table')
  .describe('`table` or `schema.table`, as PostgreSQL stores it: upper and lower case matter.');

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
    .describe('The largest total cost by the planner. If set, it decides instead of how the table is read.'),
  minRows: z
    .int()
    .min(0)
    .default(1_000)
    .describe('The table needs at least this many rows: the plan for an almost empty table can differ.'),
});

const postgresMaxConnections = z.strictObject({
  ...mendable,
  kind: z
    .literal('postgres-max-connections')
    .describe('The connection pools of both versions fit into the server at the same time.'),
  database,
  role,
  ...pools,
  headroom: z.int().min(0).default(5).describe('Spare connections beyond all that are counted.'),
});

const postgresIndexes = z.strictObject({
  ...base,
  kind: z.literal('postgres-indexes').describe('The required indexes exist, and queries use indexes.'),
  database,
  indexes: z.array(wantedIndex).default([]).describe('The required indexes, compared by definition, not by name.'),
  queries: z
    .array(plannedQuery)
    .default([])
    .describe(
      'Queries that are planned with EXPLAIN and never run: they may read `table` only with index conditions, or within `maxCost`.',
    ),
  remedy: z
    .union(
      [
        z.strictObject({
          ...remedyBase,
          create: z.literal('concurrently').describe('Builds missing indexes without locking the table.'),
        }),
        commandRemedy,
      ],
      {
        error: 'expected { create: concurrently } or { command: [program, ...] }, with automatic and timeout if wanted',
      },
    )
    .optional()
    .describe('A fix that can be run when the check fails.'),
});

const postgresPoolSize = z
  .strictObject({
    ...mendable,
    kind: z.literal('postgres-pool-size').describe('The connection pools carry the peak load and fit into the server.'),
    database,
    role,
    ...pools,
    peakRequests: z.number().positive().describe('The peak of requests per second, for the whole service.'),
    hold: duration
      .optional()
      .describe('How long a request holds a connection. Measured in the database over `measureFor` if not set.'),
    measureFor: duration
      .prefault('10s')
      .refine((ms) => ms >= 3_000, 'expected at least 3s')
      .describe(
        'How long to measure `hold`. PostgreSQL updates session times up to a second late, so longer is more accurate.',
      ),
    margin: z
      .number()
      .min(1)
      .default(2)
      .describe('How many times the average number of busy connections a pool needs: requests come in bursts.'),
  })
  .refine(({ measureFor, timeout }) => measureFor < timeout, {
    path: ['measureFor'],
    message: "expected less than the check's timeout",
  });

const deploymentMonitoring = z
  .strictObject({
    ...mendable,
    kind: z
      .literal('deployment-monitoring')
      .describe('The metrics show blue, and the first soak can detect a bad release.'),
    detect: share
      .optional()
      .describe('The share of failed requests that the first soak has to be able to detect. Default: twice the limit.'),
    measureFor: duration.prefault('10s').describe("How long to watch blue's series: they have to increase."),
  })
  .refine(({ measureFor, timeout }) => measureFor < timeout, {
    path: ['measureFor'],
    message: "expected less than the check's timeout",
  });

/** One metric as PromQL names it, with or without labels; no function or sum around it. */
const metric = z
  .string({ error: 'expected a metric such as http_requests_total{code=~"5.."}' })
  .refine((text) => parseSelector(text) !== undefined, 'expected a metric such as http_requests_total{code=~"5.."}');

const prometheusAlerts = z.strictObject({
  ...mendable,
  kind: z.literal('prometheus-alerts').describe('Alerts for errors and latency use live series and are delivered.'),
  url: httpUrl().describe('The Prometheus that evaluates the alerting rules.'),
  tokenEnv: envName.optional().describe('The variable with a bearer token for it.'),
  labels: z
    .record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/), z.string().min(1))
    .refine((labels) => Object.keys(labels).length > 0, 'expected at least one label: without, every alert is its own')
    .describe('Labels of the series of this service: `{ service: recommendation }`.'),
  errors: metric.describe(
    'The metric that an error rule has to read, with the labels it has to select by: `http_requests_total{code=~"5.."}`. ' +
      'A rule over all requests does not count.',
  ),
  latency: metric.describe('The metric that a latency rule has to read: `http_request_duration_seconds`.'),
  alertmanagers: z
    .strictObject({
      urls: z.array(httpUrl()).min(1).optional().describe('Their addresses, instead of those that Prometheus uses.'),
      tokenEnv: envName.optional().describe('The variable with a bearer token for them.'),
    })
    .default({})
    .describe('How this worker reaches the Alertmanagers, if not as Prometheus does, or if it needs a token.'),
  measureFor: duration
    .prefault('10s')
    .describe(
      "How long to watch Prometheus' counters of failed notifications. Prometheus repeats a firing alert every minute.",
    ),
  prove: z
    .boolean()
    .default(false)
    .describe('Sends a labelled test alert to each Alertmanager, checks that it arrives, and clears it.'),
});

/** Trying the target, warming up, and waiting for the last answers. */
const AROUND_LOAD_MS = 15_000;
const FEWEST_REQUESTS = 20;

const loadTest = z
  .strictObject({
    ...mendable,
    kind: z.literal('load-test').describe('Green keeps its limits under load in staging.'),
    target: httpUrl(...TARGET)
      .refine((url) => !/[?#]/.test(url), 'expected no ? and # here: queries stand in paths')
      .describe("Green's address in staging, never in production."),
    requestsPerSecond: z.number().positive().max(10_000).describe('The constant rate, however slow the answers are.'),
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
            .describe('The path below the target. `{random:1:20000}` is a random whole number, new for each request.'),
          weight: z.number().positive().default(1).describe('How often it is requested, relative to the others.'),
        }),
      )
      .min(1)
      .describe('The paths to request.'),
    limits: z
      .strictObject({
        errorRate: share.optional().describe('The largest share of failed requests.'),
        latency: latencyLimit.optional().describe('The latency that most requests have to keep.'),
      })
      .default({})
      .describe("The limits of the test. Default: the runbook's limits."),
    dataVolume: z
      .array(
        z.strictObject({
          database,
          table,
          rows: z.int().min(1).describe('The smallest number of rows, as PostgreSQL estimates it.'),
        }),
      )
      .default([])
      .describe('The data that staging needs for a realistic test.'),
  })
  .superRefine(({ requestsPerSecond, duration: lengthMs, timeout }, context) => {
    const fail = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (lengthMs + AROUND_LOAD_MS > timeout)
      fail('duration', `expected at least ${AROUND_LOAD_MS / 1_000}s less than the check's timeout: it warms up first`);
    if ((requestsPerSecond * lengthMs) / 1_000 < FEWEST_REQUESTS)
      fail('duration', `expected at least ${FEWEST_REQUESTS} requests in it: fewer say nothing`);
  });

export const check = z.discriminatedUnion('kind', [
  postgresMaxConnections,
  postgresIndexes,
  postgresPoolSize,
  deploymentMonitoring,
  prometheusAlerts,
  loadTest,
  z.strictObject({
    ...mendable,
    kind: z
      .literal('platform-ready')
      .describe(
        "The platform's programs exist, all traffic is on blue, and the variable of every notification is set.",
      ),
  }),
  z.strictObject({
    ...mendable,
    kind: z.literal('command').describe('A program exits with 0.'),
    command: command(...TARGET).describe('The program.'),
  }),
  z.strictObject({
    ...mendable,
    kind: z.literal('http').describe('An address gives the expected answer.'),
    url: httpUrl(...TARGET).describe('The address.'),
    status: z.int().min(100).max(599).default(200).describe('The expected HTTP status.'),
    contains: template(...TARGET)
      .optional()
      .describe('Text that the body of the answer has to contain.'),
  }),
  z.strictObject({
    ...base,
    kind: z.literal('attestation').describe('A person confirms it with `attest`.'),
    statement: z.string().min(1).describe('What the person confirms.'),
  }),
]);
