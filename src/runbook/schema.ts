import { z } from 'zod';
import { check } from './check-schema.ts';
import { metricsSchema } from './metrics-schema.ts';
import { command, duration, envName, httpUrl, name, paragraph, share, version, words } from './scalars.ts';

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

const approval = z.strictObject({
  required: z.int().min(1).max(10).default(1),
  timeout: duration.prefault('4h'),
  onTimeout: z.literal('rollback').default('rollback'),
});

const step = z.strictObject({ percentage: z.int().min(1).max(100), soak: duration, approval: approval.optional() });

/** docs/judge.md says what each costs. */
const judge = z
  .strictObject({
    /** `literal` takes the limits at their word, as the guide says them, and nothing else. */
    rule: z.enum(['evidence', 'literal']).default('evidence'),
    /** So long green may be bad without being rolled back, if it is good again afterwards. */
    patience: duration.optional(),
    /** How sure a rollback by statistics has to be. */
    confidence: z.number().min(0.8).max(0.9999).optional(),
    /** The limits at their word: so many batches over a limit in a row, each at least so long and so large. */
    batch: duration.prefault('60s'),
    minRequests: z.int().min(1).default(50),
    breachesInARow: z.int().min(1).default(3),
    /** So long without metrics, or with blue itself over a limit, and it is said that a person has to decide. */
    maxBlind: duration.optional(),
    maxHold: duration.optional(),
    /** How long after a shift green may be without traffic: a router may need time. */
    routeGrace: duration.optional(),
  })
  .superRefine((given, context) => {
    if (given.rule !== 'literal') return;
    for (const key of ['patience', 'confidence', 'maxBlind', 'maxHold', 'routeGrace'] as const)
      if (given[key] !== undefined)
        context.addIssue({
          code: 'custom',
          path: [key],
          message: 'expected only with rule: evidence; remove one of them',
        });
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
    metrics: metricsSchema,
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
    /** Checks of green at 0 % of the traffic, before the first shift. */
    verifyGreen: z.array(check).default([]),
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
    for (const list of ['checklist', 'verifyGreen'] as const)
      runbook[list].forEach((item, index) => {
        if (ids.has(item.id)) fail([list, index, 'id'], `found "${item.id}" twice, expected each id once`);
        ids.add(item.id);
        for (const [path, database] of databasesOf(item))
          if (!Object.hasOwn(runbook.databases, database))
            fail(
              [list, index, ...path],
              `found "${database}", expected one of databases: ${Object.keys(runbook.databases).join(', ') || '(none named)'}`,
            );
        if (item.kind === 'postgres-indexes' && item.indexes.length + item.queries.length === 0)
          fail([list, index], 'expected indexes or queries: without any there is nothing to check');
      });
    if (runbook.limits.latency && runbook.metrics.latency === undefined)
      fail(['metrics', 'latency'], 'missing, expected the name of a histogram since limits.latency is set');
  });

/** Every database that a check names, with the path where. */
function databasesOf(item: z.infer<typeof check>): [path: (string | number)[], database: string][] {
  if (item.kind === 'load-test')
    return item.dataVolume.map(({ database }, index) => [['dataVolume', index, 'database'], database]);
  return 'database' in item ? [[['database'], item.database]] : [];
}

/** A request as a client sent it. Strict: what a request cannot say, it cannot smuggle in (invariant 2). */
export const requestSchema = z.strictObject({
  service: name,
  version,
  environment: name.optional(),
  requestedBy: words(200).optional(),
  reason: paragraph(2_000).optional(),
  checklistOnly: z.boolean().optional(),
});

/** A runbook, checked and normalised. */
export type Runbook = z.infer<typeof runbookSchema>;
export type CheckConfig = Runbook['checklist'][number];
export type CheckOfKind<Kind extends CheckConfig['kind']> = Extract<CheckConfig, { kind: Kind }>;
export type PlatformConfig = Runbook['platform'];
export type MetricsConfig = Runbook['metrics'];
