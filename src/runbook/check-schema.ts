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
      'It runs once by itself when the check fails; any other runs when a person says so with `recheck --remedy`.',
    ),
  timeout: duration.prefault('1h').describe('How long it may take.'),
};
const commandRemedy = z.strictObject({
  ...remedyBase,
  command: command(...TARGET).describe('The program that fixes what the check finds.'),
});

const base = {
  id: name.describe('What people call it by: `recheck --check ID`. Each once in the runbook.'),
  title: z.string().min(1).describe('What people read.'),
  group: z.string().min(1).describe('The checks of one group run in order, groups side by side.'),
  critical: z.boolean().default(false).describe('It can never be waived.'),
  timeout: duration.prefault('10m').describe('How long it may take.'),
};
const mendable = { ...base, remedy: commandRemedy.optional().describe('What may be run when it fails.') };

const database = z.string().min(1).describe('One of `databases`.');
const pool = z.strictObject({
  instances: z.int().min(1).describe('How many processes have one.'),
  size: z.int().min(1).describe('The most connections that one holds.'),
});
const pools = { blue: pool.describe("Blue's pools of connections."), green: pool.describe("Green's.") };
const role = z.string().min(1).describe('The role the service connects as.');

const table = z
  .string()
  .regex(/^[^.\0]{1,63}(\.[^.\0]{1,63})?$/, 'expected table or schema.table')
  .describe('`table` or `schema.table`, written as PostgreSQL stores it: names are quoted, so that case counts.');

const wantedIndex = z.strictObject({
  table,
  columns: z
    .array(z.string().min(1))
    .min(1)
    .describe('Columns or expressions in order, each as in CREATE INDEX: `item_id`, `created_at DESC`.'),
  unique: z.boolean().default(false).describe('Whether it is unique.'),
  method: z
    .string()
    .regex(/^[a-z_][a-z0-9_]*$/, 'expected an access method such as btree or gin')
    .default('btree')
    .describe('Its access method.'),
  where: z.string().min(1).optional().describe('The condition of a partial index.'),
  name: z
    .string()
    .regex(/^[^.\0]{1,63}$/, 'expected a name of at most 63 characters without a dot')
    .describe('Its name when the remedy builds it; the parts of a partitioned table get names that begin with it.'),
});

const plannedQuery = z.strictObject({
  name: name.describe('What the evidence calls it.'),
  sql: z.string().min(1).describe('The query, with $1, $2, ... where it takes values.'),
  parameters: z
    .array(
      z.union([z.string(), z.number(), z.boolean(), z.null()], {
        error: 'expected text, a number, true, false or null',
      }),
    )
    .default([])
    .describe("Typical values of $1, $2, ...; an array is written as PostgreSQL does: `'{1,2}'`."),
  table: table.describe('The table that has to be read by an index.'),
  maxCost: z
    .number()
    .positive()
    .optional()
    .describe("With this the planner's total cost decides instead of how the table is read."),
  minRows: z.int().min(0).default(1_000).describe('A plan for an almost empty table says nothing about a full one.'),
});

const postgresMaxConnections = z.strictObject({
  ...mendable,
  kind: z.literal('postgres-max-connections').describe("Both versions' pools fit into the server at the same time."),
  database,
  role,
  ...pools,
  headroom: z.int().min(0).default(5).describe('Connections to spare beyond everything counted.'),
});

const postgresIndexes = z.strictObject({
  ...base,
  kind: z.literal('postgres-indexes').describe('The wanted indexes are there, and queries use them.'),
  database,
  indexes: z
    .array(wantedIndex)
    .default([])
    .describe('Wanted indexes, by what they are and not by what they are called.'),
  queries: z
    .array(plannedQuery)
    .default([])
    .describe('Queries planned with EXPLAIN, never run: `table` is read only by index conditions, or at a low cost.'),
  remedy: z
    .union(
      [
        z.strictObject({
          ...remedyBase,
          create: z.literal('concurrently').describe('Builds what is missing without locking anybody out.'),
        }),
        commandRemedy,
      ],
      {
        error: 'expected { create: concurrently } or { command: [program, ...] }, with automatic and timeout if wanted',
      },
    )
    .optional()
    .describe('What may be run when it fails.'),
});

const postgresPoolSize = z
  .strictObject({
    ...mendable,
    kind: z.literal('postgres-pool-size').describe('The pools carry the peak, and fit.'),
    database,
    role,
    ...pools,
    peakRequests: z.number().positive().describe('The most requests a second that the whole service gets.'),
    hold: duration
      .optional()
      .describe('How long a request holds a connection; without it, measured in the database over `measureFor`.'),
    measureFor: duration
      .prefault('10s')
      .refine((ms) => ms >= 3_000, 'expected at least 3s')
      .describe("PostgreSQL adds a session's times up to a second late: the longer, the better measured."),
    margin: z
      .number()
      .min(1)
      .default(2)
      .describe('So many times the connections that are busy on average: requests come in crowds.'),
  })
  .refine(({ measureFor, timeout }) => measureFor < timeout, {
    path: ['measureFor'],
    message: "expected less than the check's timeout",
  });

const deploymentMonitoring = z
  .strictObject({
    ...mendable,
    kind: z.literal('deployment-monitoring').describe('The watch can see, and the first soak can find a bad release.'),
    detect: share
      .optional()
      .describe('The first soak has to be able to find a release that fails this share; twice the limit if not said.'),
    measureFor: duration.prefault('10s').describe("How long blue's series are observed: they have to change."),
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
  kind: z
    .literal('prometheus-alerts')
    .describe('Alerts for errors and latency look at live series and reach somebody.'),
  url: httpUrl().describe('Of the Prometheus that evaluates the rules.'),
  tokenEnv: envName.optional().describe('Names the variable that holds a bearer token for it.'),
  labels: z
    .record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/), z.string().min(1))
    .refine((labels) => Object.keys(labels).length > 0, 'expected at least one label: without, every alert is its own')
    .describe('Labels that the series of this service carry: `{ service: recommendation }`.'),
  errors: metric.describe(
    'What a rule for errors has to read: a metric, with labels that the rule has to choose by: `http_requests_total{code=~"5.."}`. ' +
      'A rule over all requests does not count.',
  ),
  latency: metric.describe('The same of a rule for the latency: `http_request_duration_seconds`.'),
  alertmanagers: z
    .strictObject({
      urls: z.array(httpUrl()).min(1).optional().describe('Their addresses, instead of those that Prometheus has.'),
      tokenEnv: envName.optional().describe('Names the variable that holds a bearer token for them.'),
    })
    .default({})
    .describe('Where this worker cannot reach the Alertmanagers as Prometheus does, or needs a token.'),
  measureFor: duration
    .prefault('10s')
    .describe(
      "How long Prometheus' counters of failed notifications are observed. It repeats a firing alert each minute.",
    ),
  prove: z
    .boolean()
    .default(false)
    .describe('Sends a labelled test alert to each Alertmanager, sees it arrive, and clears it.'),
});

/** Trying the target, warming up, and waiting for the last answers. */
const AROUND_LOAD_MS = 15_000;
const FEWEST_REQUESTS = 20;

const loadTest = z
  .strictObject({
    ...mendable,
    kind: z.literal('load-test').describe('Green keeps its limits under load on staging.'),
    target: httpUrl(...TARGET)
      .refine((url) => !/[?#]/.test(url), 'expected no ? and # here: queries stand in paths')
      .describe("Where green runs on staging: never production's own address."),
    requestsPerSecond: z.number().positive().max(10_000).describe('Sent at this rate, whatever comes back.'),
    duration: duration.prefault('1m').describe('For so long, after a short warm-up.'),
    paths: z
      .array(
        z.strictObject({
          path: z
            .string()
            .superRefine((path, context) => {
              const message = pathProblem(path);
              if (message !== undefined) context.addIssue({ code: 'custom', path: [], message });
            })
            .describe('Below the target; `{random:1:20000}` is a random whole number, new for each request.'),
          weight: z.number().positive().default(1).describe('How often, compared with the others.'),
        }),
      )
      .min(1)
      .describe('What is asked for.'),
    limits: z
      .strictObject({
        errorRate: share.optional().describe('The largest share of failed requests.'),
        latency: latencyLimit.optional().describe('How many of them have to be answered in what time.'),
      })
      .default({})
      .describe("What it has to keep: the runbook's own limits where nothing is said."),
    dataVolume: z
      .array(
        z.strictObject({
          database,
          table,
          rows: z.int().min(1).describe('At least so many, as PostgreSQL estimates them.'),
        }),
      )
      .default([])
      .describe('What staging has to hold for the numbers to mean something.'),
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
      .describe("The platform's programs are there, all traffic is on blue, and every notification has its variable."),
  }),
  z.strictObject({
    ...mendable,
    kind: z.literal('command').describe('A program that ends with exit code 0.'),
    command: command(...TARGET).describe('The program.'),
  }),
  z.strictObject({
    ...mendable,
    kind: z.literal('http').describe('An address that answers as it should.'),
    url: httpUrl(...TARGET).describe('The address.'),
    status: z.int().min(100).max(599).default(200).describe('The HTTP status it answers with.'),
    contains: template(...TARGET)
      .optional()
      .describe("Text that the answer's body has to contain."),
  }),
  z.strictObject({
    ...base,
    kind: z.literal('attestation').describe('What only a person can confirm, with `attest`.'),
    statement: z.string().min(1).describe('What exactly a person confirms.'),
  }),
]);
