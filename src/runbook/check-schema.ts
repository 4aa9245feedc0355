import { z } from 'zod';
import { pathProblem } from '../load/paths.ts';
import { parseSelector } from '../prometheus/selectors.ts';
import { command, duration, envName, httpUrl, name, share, template } from './scalars.ts';

/** The checklist's part of the runbook's schema: one entry for each kind of check in `src/checks/`. */

/** What a check may name of the deployment it is for; {version} is green. */
const TARGET = ['service', 'environment', 'version', 'blue'] as const;

/** An automatic remedy runs once by itself when the check fails; any other when a person says so with `recheck`. */
const remedyBase = { automatic: z.boolean().default(false), timeout: duration.prefault('1h') };
const commandRemedy = z.strictObject({ ...remedyBase, command: command(...TARGET) });

const base = {
  id: name,
  title: z.string().min(1),
  group: z.string().min(1),
  critical: z.boolean().default(false),
  timeout: duration.prefault('10m'),
};
const mendable = { ...base, remedy: commandRemedy.optional() };

const database = z.string().min(1);
const pool = z.strictObject({ instances: z.int().min(1), size: z.int().min(1) });

/** `table` or `schema.table`, written as PostgreSQL stores it: names are quoted, so that case counts. */
const table = z.string().regex(/^[^.\0]{1,63}(\.[^.\0]{1,63})?$/, 'expected table or schema.table');

/** A wanted index by what it is, not by what it is called. */
const wantedIndex = z.strictObject({
  table,
  /** Columns or expressions in order, each as PostgreSQL takes it in CREATE INDEX: `item_id`, `created_at DESC`. */
  columns: z.array(z.string().min(1)).min(1),
  unique: z.boolean().default(false),
  method: z
    .string()
    .regex(/^[a-z_][a-z0-9_]*$/, 'expected an access method such as btree or gin')
    .default('btree'),
  where: z.string().min(1).optional(),
  /** The name it gets when the remedy builds it; its parts, on a partitioned table, get names that begin with it. */
  name: z.string().regex(/^[^.\0]{1,63}$/, 'expected a name of at most 63 characters without a dot'),
});

/** A new query pattern, planned with EXPLAIN (never run): `table` is read only by index conditions, or at a low cost. */
const plannedQuery = z.strictObject({
  name,
  sql: z.string().min(1),
  /** Sample values of $1, $2, ..., typical ones; an array is written as PostgreSQL does: '{1,2}'. */
  parameters: z.array(z.union([z.string(), z.number(), z.boolean(), z.null()])).default([]),
  table,
  /** With this the planner's total cost decides instead of how the table is read. */
  maxCost: z.number().positive().optional(),
  /** A plan for an almost empty table says nothing about a full one. */
  minRows: z.int().min(0).default(1_000),
});

const postgresMaxConnections = z.strictObject({
  ...mendable,
  kind: z.literal('postgres-max-connections'),
  database,
  /** The role the service connects as. */
  role: z.string().min(1),
  blue: pool,
  green: pool,
  /** Connections to spare beyond everything counted. */
  headroom: z.int().min(0).default(5),
});

const postgresIndexes = z.strictObject({
  ...base,
  kind: z.literal('postgres-indexes'),
  database,
  indexes: z.array(wantedIndex).default([]),
  queries: z.array(plannedQuery).default([]),
  remedy: z
    .union([z.strictObject({ ...remedyBase, create: z.literal('concurrently') }), commandRemedy], {
      error: 'expected { create: concurrently } or { command: [program, ...] }, with automatic and timeout if wanted',
    })
    .optional(),
});

const postgresPoolSize = z
  .strictObject({
    ...mendable,
    kind: z.literal('postgres-pool-size'),
    database,
    role: z.string().min(1),
    blue: pool,
    green: pool,
    /** The most requests a second that the whole service gets. */
    peakRequests: z.number().positive(),
    /** How long a request holds a connection; without it, measured in the database over `measureFor`. */
    hold: duration.optional(),
    /** PostgreSQL adds a session's times up to a second late: the longer, the better measured. */
    measureFor: duration.prefault('10s').refine((ms) => ms >= 3_000, 'expected at least 3s'),
    /** So many times the connections that are busy on average: requests come in crowds. */
    margin: z.number().min(1).default(2),
  })
  .refine(({ measureFor, timeout }) => measureFor < timeout, {
    path: ['measureFor'],
    message: "expected less than the check's timeout",
  });

const deploymentMonitoring = z
  .strictObject({
    ...mendable,
    kind: z.literal('deployment-monitoring'),
    /** The first soak has to be able to find a release that fails this share of its requests; by default twice the limit. */
    detect: share.optional(),
    /** How long blue's series are looked at: they have to move. */
    measureFor: duration.prefault('10s'),
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
  kind: z.literal('prometheus-alerts'),
  /** Of the Prometheus that evaluates the rules. */
  url: httpUrl(),
  /** Holds a bearer token. */
  tokenEnv: envName.optional(),
  /** Labels that the series of this service carry: `{ service: recommendation }`. */
  labels: z
    .record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/), z.string().min(1))
    .refine((labels) => Object.keys(labels).length > 0, 'expected at least one label: without, every alert is its own'),
  /**
   * What a rule for errors, and one for the latency, has to read: a metric, such as `http_request_duration_seconds`, or
   * one with labels that the rule has to choose by: `http_requests_total{code=~"5.."}`, so that a rule over all requests
   * does not count.
   */
  errors: metric,
  latency: metric,
  /** Where this worker cannot reach the Alertmanagers by the addresses that Prometheus has for them, or needs a token. */
  alertmanagers: z
    .strictObject({ urls: z.array(httpUrl()).min(1).optional(), tokenEnv: envName.optional() })
    .default({}),
  /** How long Prometheus' counters of failed notifications are looked at. It repeats an alert that fires each minute. */
  measureFor: duration.prefault('10s'),
  /** Sends a labelled test alert to each Alertmanager, sees it arrive, and clears it. */
  prove: z.boolean().default(false),
});

/** Trying the target, warming up, and waiting for the last answers. */
const AROUND_LOAD_MS = 15_000;
const FEWEST_REQUESTS = 20;

const loadTest = z
  .strictObject({
    ...mendable,
    kind: z.literal('load-test'),
    /** Where green runs on staging: never production's own address. */
    target: httpUrl(...TARGET).refine((url) => !/[?#]/.test(url), 'expected no ? and # here: queries stand in paths'),
    requestsPerSecond: z.number().positive().max(10_000),
    duration: duration.prefault('1m'),
    /** Below the target; `{random:1:20000}` is a random whole number, new for each request. */
    paths: z
      .array(
        z.strictObject({
          path: z.string().superRefine((path, context) => {
            const message = pathProblem(path);
            if (message !== undefined) context.addIssue({ code: 'custom', path: [], message });
          }),
          weight: z.number().positive().default(1),
        }),
      )
      .min(1),
    /** By default the runbook's own limits. */
    limits: z
      .strictObject({
        errorRate: share.optional(),
        latency: z.strictObject({ quantile: z.number().gt(0).lt(1), under: duration }).optional(),
      })
      .default({}),
    /** What staging has to hold for the numbers to mean something. */
    dataVolume: z.array(z.strictObject({ database, table, rows: z.int().min(1) })).default([]),
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
  z.strictObject({ ...mendable, kind: z.literal('platform-ready') }),
  z.strictObject({ ...mendable, kind: z.literal('command'), command: command(...TARGET) }),
  z.strictObject({
    ...mendable,
    kind: z.literal('http'),
    url: httpUrl(...TARGET),
    status: z.int().min(100).max(599).default(200),
    /** Text that the answer's body has to contain. */
    contains: template(...TARGET).optional(),
  }),
  z.strictObject({
    ...base,
    kind: z.literal('attestation'),
    /** What exactly a person confirms. */
    statement: z.string().min(1),
  }),
]);
