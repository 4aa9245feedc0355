import { z } from 'zod';
import { check } from './check-schema.ts';
import { judge } from './judge-schema.ts';
import { metricsSchema } from './metrics-schema.ts';
import {
  command,
  duration,
  envName,
  httpUrl,
  latencyLimit,
  name,
  paragraph,
  share,
  version,
  words,
} from './scalars.ts';

/**
 * The runbook's one schema. People write `10m` and `5%`; past this file there are only milliseconds and fractions.
 * Strict everywhere: an unknown key is an error, since a misspelt `limits` would be a limit that is never kept. What a key
 * is for is said here and only here: `npm run docs` makes docs/runbook.md and the schema for editors of it.
 */

const commandPlatform = z.strictObject({
  kind: z.literal('command').describe('The worker runs programs.'),
  deploy: command('service', 'version').describe('Starts green without traffic.'),
  shiftTraffic: command('service', 'version', 'percentage').describe('Sends this percentage of the traffic to green.'),
  rollback: command('service', 'version', 'blue').describe(
    'Sends all traffic to blue and stops green. `{version}` is green.',
  ),
  status: command('service')
    .optional()
    .describe('Prints `{"traffic": {"2.4.0": 50, "2.5.0": 50}}`. Without it, traffic is read from the metrics.'),
  health: z
    .strictObject({ url: httpUrl('service', 'version').describe('The address of green itself, not of the router.') })
    .describe('The health check that green has to pass before it gets traffic.'),
  timeouts: z
    .strictObject({
      deploy: duration.prefault('10m').describe('The timeout of `deploy`.'),
      shift: duration.prefault('2m').describe('The timeout of `shiftTraffic`.'),
      rollback: duration.prefault('2m').describe('The timeout of `rollback`.'),
    })
    .prefault({})
    .describe('The timeouts of the programs.'),
});

const platform = z.discriminatedUnion('kind', [commandPlatform]).meta({
  description: 'How to deploy, shift traffic and roll back. Programs run without a shell.',
  examples: [
    {
      kind: 'command',
      deploy: ['deploy', '--service', '{service}', '--version', '{version}'],
      shiftTraffic: ['shift-traffic', '--service', '{service}', '--percentage', '{percentage}'],
      rollback: ['rollback', '--service', '{service}'],
      health: { url: 'http://127.0.0.1:18080/-/versions/{version}/healthz' },
    },
  ],
});

const databases = z
  .record(
    name,
    z.strictObject({ urlEnv: envName.describe("The variable in the worker's environment that holds the URL.") }),
  )
  .default({})
  .meta({
    description: 'The databases that checks use. You choose their names.',
    examples: [{ main: { urlEnv: 'RECOMMENDATION_DATABASE_URL' } }],
  });

const limits = z
  .strictObject({
    errorRate: share.describe('The largest share of failed requests.'),
    latency: latencyLimit
      .optional()
      .describe('The latency that most requests have to keep. Without it, only errors are judged.'),
  })
  .meta({
    description: 'The limits for green, and for blue after a rollback.',
    examples: [{ errorRate: '5%', latency: { quantile: 0.95, under: '500ms' } }],
  });

const approval = z.strictObject({
  required: z.int().min(1).max(10).default(1).describe('How many different people have to approve.'),
  timeout: duration.prefault('4h').describe('How long the gate waits for approvals.'),
  onTimeout: z.literal('rollback').default('rollback').describe('What happens after the timeout.'),
});

const step = z.strictObject({
  percentage: z.int().min(1).max(100).describe("Green's share of the traffic: higher in each step, 100 in the last."),
  soak: duration.describe('How long green is watched in this step.'),
  approval: approval.optional().describe('The approvals needed before the next step. Without it, none are needed.'),
});

const traffic = z
  .array(step)
  .min(1)
  .meta({
    description: 'The steps in which traffic moves to green.',
    examples: [
      [
        { percentage: 50, soak: '10m', approval: { required: 1, timeout: '4h' } },
        { percentage: 100, soak: '30m' },
      ],
    ],
  });

const watch = z
  .strictObject({
    window: duration
      .prefault('5m')
      .refine((ms) => ms <= 300_000, 'expected at most 5m')
      .describe('How often the verdict is written to the history during a soak.'),
    gateWindow: duration
      .prefault('30m')
      .refine((ms) => ms <= 1_800_000, 'expected at most 30m')
      .describe('The same while a gate waits for approval.'),
    maxUnwatched: duration.prefault('2m').describe('After this time without a worker the evidence counts as lost.'),
    maxSoakFactor: z
      .number()
      .min(1)
      .max(10)
      .default(3)
      .describe('A soak that is not proven healthy in time is extended to at most this many times its length.'),
  })
  .prefault({})
  .meta({
    description: 'How green is watched while it has traffic.',
    examples: [{ window: '5m', maxSoakFactor: 2 }],
  });

const recovery = z
  .strictObject({
    target: duration.prefault('90s').describe('The target for the recovery time in the report.'),
    round: duration
      .prefault('5m')
      .describe(
        'The time limit of one round: the program, the read-back of the traffic, and the proof that blue is healthy.',
      ),
    pause: duration
      .prefault('30s')
      .describe(
        'The longest pause between two rounds in the first half hour. It grows to an hour if the rollback stalls for days.',
      ),
    guard: duration
      .prefault('60s')
      .describe('How long traffic is watched after the rollback, and corrected if something moves it.'),
  })
  .prefault({})
  .meta({
    description: 'How a rollback runs. It repeats its rounds until one succeeds.',
    examples: [{ target: '90s' }],
  });

const notification = z.strictObject({
  kind: z.literal('webhook').describe('An HTTP POST.'),
  urlEnv: envName.describe("The variable in the worker's environment that holds the URL."),
});

const checklist = z
  .array(check)
  .default([])
  .meta({
    description: 'The checks that have to pass before anything is deployed.',
    examples: [
      [
        {
          id: 'validation',
          title: 'Perform comprehensive pre-deployment validation',
          group: 'Testing',
          kind: 'platform-ready',
          critical: true,
        },
      ],
    ],
  });

const verifyGreen = z
  .array(check)
  .default([])
  .meta({
    description: 'The checks that green has to pass at 0 % of the traffic, before the first shift.',
    examples: [
      [
        {
          id: 'green-answers',
          title: 'Green recommends',
          group: 'Green',
          critical: true,
          kind: 'http',
          url: 'http://127.0.0.1:18080/-/versions/{version}/recommendations?user=7',
        },
      ],
    ],
  });

/** @throws ZodError with one issue per mistake, each with its path. */
export const runbookSchema = z
  .strictObject({
    service: name.describe('The service to deploy.'),
    environment: name.describe(
      'The environment, such as `production`. A runbook is for one service in one environment.',
    ),
    databases,
    platform,
    metrics: metricsSchema,
    limits,
    judge,
    traffic,
    watch,
    recovery,
    checklistTimeout: duration
      .prefault('24h')
      .describe('The total time that the checklist may take, including waits for people.'),
    checklist,
    verifyGreen,
    notifications: z
      .array(notification)
      .default([])
      .meta({
        description: 'Where to notify people when a decision is needed and when the deployment has ended.',
        examples: [[{ kind: 'webhook', urlEnv: 'RECOMMENDATION_WEBHOOK_URL' }]],
      }),
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
