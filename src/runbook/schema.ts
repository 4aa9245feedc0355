import { z } from 'zod';
import { command, duration, envName, httpUrl, name, paragraph, share, template, version, words } from './scalars.ts';

/**
 * The runbook's one schema. People write `10m` and `5%`; past this file there are only milliseconds and fractions.
 * Strict everywhere: an unknown key is an error, since a misspelt `limits` would be a limit that is never kept.
 */

const commandPlatform = z.strictObject({
  kind: z.literal('command'),
  deploy: command('service', 'version'),
  shiftTraffic: command('service', 'version', 'percentage'),
  /** {version} is green. */
  rollback: command('service', 'version', 'blue'),
  /** Prints `{"traffic": {"2.4.0": 50, "2.5.0": 50}}` on standard output. */
  status: command('service').optional(),
  /** Green answers here before it gets traffic. */
  health: z.strictObject({ url: httpUrl('service', 'version') }),
  timeouts: z
    .strictObject({
      deploy: duration.prefault('10m'),
      shift: duration.prefault('2m'),
      rollback: duration.prefault('2m'),
    })
    .prefault({}),
});

const scrapeMetrics = z.strictObject({
  kind: z.literal('scrape'),
  /** Pages in Prometheus' text format; the counts of all of them together are the service's. */
  targets: z.array(httpUrl()).min(1),
  /** A counter with a label for the version and one for the status code. */
  requests: z.string().min(1),
  /** A histogram in seconds with a label for the version. */
  latency: z.string().min(1).optional(),
  versionLabel: z.string().min(1).default('version'),
  codeLabel: z.string().min(1).default('code'),
  poll: duration.prefault('5s'),
});

const approval = z.strictObject({
  required: z.int().min(1).max(10).default(1),
  timeout: duration.prefault('4h'),
  onTimeout: z.literal('rollback').default('rollback'),
});

const step = z.strictObject({ percentage: z.int().min(1).max(100), soak: duration, approval: approval.optional() });

/** What a check may name of the deployment it is for; {version} is green. */
const TARGET = ['service', 'environment', 'version', 'blue'] as const;

const checkBase = {
  id: name,
  title: z.string().min(1),
  group: z.string().min(1),
  critical: z.boolean().default(false),
  timeout: duration.prefault('10m'),
};

const pool = z.strictObject({ instances: z.int().min(1), size: z.int().min(1) });

/** A wanted index by what it is, not by what it is called. */
const wantedIndex = z.strictObject({
  /** `table` or `schema.table`, written as PostgreSQL stores it: names are quoted, so that case counts. */
  table: z.string().regex(/^[^.\0]{1,63}(\.[^.\0]{1,63})?$/, 'expected table or schema.table'),
  /** Columns or expressions in order, each as PostgreSQL takes it in CREATE INDEX: `item_id`, `created_at DESC`. */
  columns: z.array(z.string().min(1)).min(1),
  unique: z.boolean().default(false),
  method: z
    .string()
    .regex(/^[a-z_][a-z0-9_]*$/, 'expected an access method such as btree or gin')
    .default('btree'),
  where: z.string().min(1).optional(),
  /** The name it gets when the check creates it. */
  name: z.string().regex(/^[^.\0]{1,63}$/, 'expected a name of at most 63 characters without a dot'),
});

const check = z.discriminatedUnion('kind', [
  z.strictObject({
    ...checkBase,
    kind: z.literal('postgres-max-connections'),
    database: z.string().min(1),
    /** The role the service connects as. */
    role: z.string().min(1),
    blue: pool,
    green: pool,
    /** Connections to spare beyond everything counted. */
    headroom: z.int().min(0).default(5),
  }),
  z.strictObject({
    ...checkBase,
    kind: z.literal('postgres-indexes'),
    database: z.string().min(1),
    indexes: z.array(wantedIndex).min(1),
    /** `concurrently`: a missing index is built by the check with CREATE INDEX CONCURRENTLY. */
    create: z.literal('concurrently').optional(),
  }),
  z.strictObject({ ...checkBase, kind: z.literal('command'), command: command(...TARGET) }),
  z.strictObject({
    ...checkBase,
    kind: z.literal('http'),
    url: httpUrl(...TARGET),
    status: z.int().min(100).max(599).default(200),
    /** Text that the answer's body has to contain. */
    contains: template(...TARGET).optional(),
  }),
  z.strictObject({
    ...checkBase,
    kind: z.literal('attestation'),
    /** What exactly a person confirms. */
    statement: z.string().min(1),
  }),
]);

const judge = z
  .strictObject({
    rule: z.literal('literal').default('literal'),
    batch: duration.prefault('60s'),
    minRequests: z.int().min(1).default(50),
    breachesInARow: z.int().min(1).default(3),
  })
  .prefault({});

const watch = z
  .strictObject({
    window: duration.prefault('5m').refine((ms) => ms <= 300_000, 'expected at most 5m'),
    gateWindow: duration.prefault('30m').refine((ms) => ms <= 1_800_000, 'expected at most 30m'),
    blind: duration.prefault('2m'),
    maxSoakFactor: z.number().min(1).max(10).default(3),
  })
  .prefault({});

const recovery = z
  .strictObject({
    target: duration.prefault('90s'),
    round: duration.prefault('5m'),
    pause: duration.prefault('30s'),
    guard: duration.prefault('60s'),
  })
  .prefault({});

const notification = z.strictObject({ kind: z.literal('webhook'), urlEnv: envName });

/** @throws ZodError with one issue per mistake, each with its path. */
export const runbookSchema = z
  .strictObject({
    service: name,
    environment: name,
    databases: z.record(name, z.strictObject({ urlEnv: envName })).default({}),
    platform: z.discriminatedUnion('kind', [commandPlatform]),
    metrics: z.discriminatedUnion('kind', [scrapeMetrics]),
    limits: z.strictObject({
      errorRate: share,
      latency: z.strictObject({ quantile: z.number().gt(0).lt(1), under: duration }).optional(),
    }),
    judge,
    traffic: z.array(step).min(1),
    watch,
    recovery,
    checklistTimeout: duration.prefault('24h'),
    checklist: z.array(check).default([]),
    notifications: z.array(notification).default([]),
  })
  .superRefine((runbook, context) => {
    const fail = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });

    runbook.traffic.forEach(({ percentage, approval: gate }, index) => {
      const before = runbook.traffic[index - 1]?.percentage ?? 0;
      if (percentage <= before)
        fail(['traffic', index, 'percentage'], `found ${percentage}, expected more than the step before (${before})`);
      if (gate && index === runbook.traffic.length - 1)
        fail(['traffic', index, 'approval'], 'the last step has no next shift to approve; remove this approval');
    });
    const last = runbook.traffic.at(-1)?.percentage;
    if (last !== 100) fail(['traffic'], `the last step has ${last}, expected 100: all traffic on green`);

    const ids = new Set<string>();
    runbook.checklist.forEach((item, index) => {
      if (ids.has(item.id)) fail(['checklist', index, 'id'], `found "${item.id}" twice, expected each id once`);
      ids.add(item.id);
      if ('database' in item && !Object.hasOwn(runbook.databases, item.database))
        fail(
          ['checklist', index, 'database'],
          `found "${item.database}", expected one of databases: ${Object.keys(runbook.databases).join(', ') || '(none named)'}`,
        );
    });
    if (runbook.limits.latency && runbook.metrics.latency === undefined)
      fail(['metrics', 'latency'], 'missing, expected the name of a histogram since limits.latency is set');
  });

/** A request as a client sent it. Strict: what a request cannot say, it cannot smuggle in (invariant 2). */
export const requestSchema = z.strictObject({
  service: name,
  version,
  environment: name.optional(),
  requestedBy: words(200).optional(),
  reason: paragraph(2_000).optional(),
});

/** A runbook, checked and normalised. */
export type Runbook = z.infer<typeof runbookSchema>;
export type CheckConfig = Runbook['checklist'][number];
export type CheckOfKind<Kind extends CheckConfig['kind']> = Extract<CheckConfig, { kind: Kind }>;
export type PlatformConfig = Runbook['platform'];
export type MetricsConfig = Runbook['metrics'];
