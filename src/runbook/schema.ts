import { z } from 'zod';
import { type Analysis, analysisSchema, withServer } from './analysis-schema.ts';
import { approval } from './approval-schema.ts';
import { freezes, onFreeze } from './freeze-schema.ts';
import { judge } from './judge-schema.ts';
import { type CheckConfig, kindSchemas, type MetricsConfig, problemsOfKinds, type RunbookKinds } from './kinds.ts';
import { duration, envName, latencyLimit, name, paragraph, serviceName, share, version, words } from './scalars.ts';

/**
 * The schema of a runbook. Parts with a `kind` add the schema of their kind (`src/plugin`). People write `10m` and `5%`;
 * after this file there are only milliseconds and fractions. Unknown keys are errors: a misspelt limit would never be checked.
 * `npm run docs` generates docs/runbook.md and the schema for editors from the descriptions here.
 */

const databases = z
  .record(
    name,
    z.strictObject({
      urlEnv: envName.describe("The variable in the worker's environment that holds the URL."),
      caFile: z
        .string()
        .min(1)
        .optional()
        .describe(
          "A PEM file on the worker with the CA of the server's certificate, such as the bundle of a managed service. For PostgreSQL it replaces `sslrootcert`, and `sslmode` is `verify-full` where none is written.",
        ),
    }),
  )
  .default({})
  .meta({
    description: 'The databases that checks use. You choose their names.',
    examples: [{ main: { urlEnv: 'RECOMMENDATION_DATABASE_URL' } }],
  });

const limits = z
  .strictObject({
    errorRate: share.describe('The largest allowed share of failed requests.'),
    latency: latencyLimit.optional().describe('The latency limit. Without it, only errors are judged.'),
  })
  .meta({
    description: 'The limits for green, and for blue after a rollback.',
    examples: [{ errorRate: '5%', latency: { quantile: 0.95, under: '500ms' } }],
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
      .describe('The same, while a gate waits for approval.'),
    maxUnwatched: duration
      .prefault('2m')
      .describe(
        'How late a window may end when no worker watches. After that, a worker that is back has as long to read what the metrics counted meanwhile; if it cannot, the deployment rolls back.',
      ),
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
        'The time limit of one round: the rollback command, the check of the traffic, and the proof that blue is healthy.',
      ),
    pause: duration
      .prefault('30s')
      .describe('The longest pause between two rounds in the first half hour. Later pauses are longer, up to an hour.'),
    guard: duration
      .prefault('60s')
      .describe('How long to watch the traffic after a recovery. Traffic that moves to green is moved back to blue.'),
  })
  .prefault({})
  .meta({
    description: 'How a rollback runs. It repeats its rounds until one succeeds.',
    examples: [{ target: '90s' }],
  });

/** Examples of the parts that have kinds, for the reference and editors. */
const EXAMPLES = {
  workload: [
    {
      kind: 'command',
      deploy: ['deploy', '--service', '{service}', '--version', '{version}'],
      health: { url: 'http://127.0.0.1:18080/-/versions/{version}/healthz' },
    },
  ],
  router: [
    {
      kind: 'command',
      shiftTraffic: ['shift-traffic', '--service', '{service}', '--percentage', '{percentage}'],
      rollback: ['rollback', '--service', '{service}'],
      status: ['traffic-status', '--service', '{service}'],
    },
  ],
  checklist: [
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
  verifyGreen: [
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
  notifications: [[{ kind: 'webhook', urlEnv: 'RECOMMENDATION_WEBHOOK_URL' }]],
};

/** The format of runbooks that may use certain kinds. */
export interface RunbookFormat {
  /** @throws ZodError with one issue per mistake, each with its path. */
  readonly schema: z.ZodType<Runbook>;
  /** What stands under `metrics`, alone. */
  readonly metrics: z.ZodType<MetricsConfig>;
  /** Keys whose values are never shown. */
  readonly secretKeys: ReadonlySet<string>;
  /** What is valid in a runbook and still doubtful, a sentence each. */
  warnings(runbook: Runbook): readonly string[];
}

/** The format of runbooks that may use these kinds. */
export function composeRunbookFormat(kinds: RunbookKinds): RunbookFormat {
  const all = [kinds.workloads, kinds.routers, kinds.metrics, kinds.checks, kinds.notifications].flat();
  return {
    schema: runbookSchema(kinds),
    metrics: kindSchemas(kinds).metrics,
    secretKeys: new Set(['urlEnv', 'command', ...all.flatMap(({ secretKeys = [] }) => secretKeys)]),
    warnings: ({ workload }) => kinds.workloads.find(({ kind }) => kind === workload.kind)?.warnings?.(workload) ?? [],
  };
}

function runbookSchema(kinds: RunbookKinds) {
  const { workload, router, metrics, check, notification } = kindSchemas(kinds);
  const checkKinds = new Map(kinds.checks.map((one) => [one.kind, one]));
  const latencyProblem = (config: MetricsConfig) =>
    kinds.metrics.find(({ kind }) => kind === config.kind)?.latencyProblem?.(config);
  return z
    .strictObject({
      extends: z
        .string()
        .min(1)
        .optional()
        .meta({
          description:
            'Another file, relative to this one, with the keys that this one does not have (docs/runbooks.md says how they are merged).',
          examples: ['base.yaml'],
        }),
      service: serviceName.describe('The service to deploy, by the name that it has elsewhere.'),
      environment: serviceName.describe(
        'The environment, such as `production`. A runbook is for one service in one environment.',
      ),
      databases,
      workload: workload.meta({
        description:
          'How a version is deployed, checked for health, and stopped. If one kind does that and moves the traffic, `platform` may take the keys of `workload` and `router` together.',
        examples: EXAMPLES.workload,
      }),
      router: router.meta({ description: 'How traffic moves between blue and green.', examples: EXAMPLES.router }),
      metrics: metrics.describe('Where the counts of requests come from.'),
      limits,
      judge,
      analysis: analysisSchema(metrics),
      traffic,
      watch,
      recovery,
      keepBlue: duration.optional().meta({
        description:
          'How long blue runs on after a completed deployment, for `bluegreen rollback`. Then it is stopped, as green is after a rollback. Without this key, bluegreen never stops blue: it runs until you or the next deployment stop it.',
        examples: ['24h'],
      }),
      freezes,
      onFreeze,
      checklistTimeout: duration
        .prefault('24h')
        .describe('The total time that the checklist may take, including waits for people.'),
      checklist: z.array(check).default([]).meta({
        description: 'The checks that have to pass before anything is deployed.',
        examples: EXAMPLES.checklist,
      }),
      verifyGreen: z.array(check).default([]).meta({
        description: 'The checks that green has to pass at 0 % of the traffic, before the first shift.',
        examples: EXAMPLES.verifyGreen,
      }),
      notifications: z.array(notification).default([]).meta({
        description:
          'Where to notify people: when a decision is needed, a soak is extended, or a deployment is rolled back or ends without being completed.',
        examples: EXAMPLES.notifications,
      }),
    })
    .superRefine(({ traffic: steps }, context) => {
      const fail = failIn(context);
      steps.forEach(({ percentage, approval: gate }, index) => {
        const before = steps[index - 1]?.percentage ?? 0;
        if (percentage <= before)
          fail(['traffic', index, 'percentage'], `found ${percentage}, expected more than the step before (${before})`);
        if (gate && index === steps.length - 1)
          fail(['traffic', index, 'approval'], 'the last step has no next shift to approve; remove this approval');
      });
      const last = steps.at(-1)?.percentage;
      if (last !== 100) fail(['traffic'], `the last step has ${last}, expected 100: all traffic on green`);
    }, whereValid('traffic'))
    .superRefine((runbook, context) => {
      const fail = failIn(context);
      const ids = new Set<string>();
      for (const list of ['checklist', 'verifyGreen'] as const)
        validIn(runbook[list], list, context).forEach(([index, item]) => {
          if (ids.has(item.id)) fail([list, index, 'id'], `found "${item.id}" twice, expected each id once`);
          ids.add(item.id);
          for (const { path, database } of checkKinds.get(item.kind)?.databases?.(item) ?? [])
            if (!Object.hasOwn(runbook.databases, database))
              fail(
                [list, index, ...path],
                `found "${database}", expected one of databases: ${Object.keys(runbook.databases).join(', ') || '(none named)'}`,
              );
        });
    }, whereValid('databases'))
    .superRefine((runbook, context) => {
      const fail = failIn(context);
      const names = new Set<string>();
      validIn(runbook.analysis, 'analysis', context).forEach(([index, entry]) => {
        if (names.has(entry.name)) fail(['analysis', index, 'name'], `found "${entry.name}" twice, expected each once`);
        names.add(entry.name);
        if (entry.kind === 'query' && withServer(entry, runbook.metrics).url === undefined)
          fail(['analysis', index, 'url'], 'missing, expected an http or https URL since metrics is no prometheus');
      });
    }, whereValid('metrics'))
    .superRefine(
      (runbook, context) => {
        const missing = runbook.limits.latency && latencyProblem(runbook.metrics);
        if (missing)
          failIn(context)(['metrics', missing.key], `missing, expected ${missing.message} since limits.latency is set`);
      },
      whereValid('limits', 'metrics'),
    )
    .superRefine((runbook, context) => {
      for (const { path, message } of problemsOfKinds(kinds, runbook)) failIn(context)([...path], message);
    })
    .transform((runbook) => {
      const planned = (item: CheckConfig): RunbookCheck => {
        const kind = checkKinds.get(item.kind);
        const statement = kind?.statement?.(item);
        return {
          ...item,
          ...(statement === undefined ? { checkedBy: 'worker' } : { checkedBy: 'person', statement }),
          ...(kind?.again ? { again: true } : {}),
        };
      };
      const { analysis, ...rest } = runbook;
      return {
        ...rest,
        ...(analysis && { analysis: analysis.map((entry) => withMetricsServer(entry, runbook.metrics)) }),
        checklist: runbook.checklist.map(planned),
        verifyGreen: runbook.verifyGreen.map(planned),
      };
    });
}

function failIn(context: z.core.$RefinementCtx): (path: (string | number)[], message: string) => void {
  return (path, message) => context.addIssue({ code: 'custom', path, message });
}

/**
 * A rule over these keys is checked when they are valid by themselves, whatever is wrong elsewhere: people see all mistakes at once.
 * A file without `service` is no runbook: others extend it, and bring what its keys refer to.
 */
function whereValid(...keys: readonly string[]): { when: (payload: z.core.ParsePayload) => boolean } {
  const isElsewhere = ({ path: [key] = [], code }: z.core.$ZodRawIssue): boolean =>
    key === undefined ? code === 'unrecognized_keys' : ![...keys, 'service'].includes(String(key));
  return { when: ({ issues }) => issues.every(isElsewhere) };
}

/** The entries of a list that are valid by themselves, each with its index. */
function validIn<Entry>(
  entries: readonly Entry[] | undefined,
  list: string,
  { issues }: z.core.$RefinementCtx,
): (readonly [index: number, entry: Entry])[] {
  const wrong = issues.filter(({ path: [key] = [] }) => key === list).map(({ path: [, index] = [] }) => index);
  if (wrong.includes(undefined)) return []; // the list itself
  return [...(entries ?? []).entries()].filter(([index]) => !wrong.includes(index));
}

function withMetricsServer(entry: Analysis[number], metrics: MetricsConfig): Analysis[number] {
  return entry.kind === 'query' ? withServer(entry, metrics) : entry;
}

/** A check of a runbook, with what the workflow has to know of its kind. */
export type RunbookCheck = CheckConfig & {
  readonly checkedBy: 'worker' | 'person';
  /** What a person confirms. */
  readonly statement?: string;
  /** It is made again right before the first shift. */
  readonly again?: true;
};

/** A request as a client sent it. Strict: what a request cannot say, it cannot smuggle in (invariant 2). */
export const requestSchema = z.strictObject({
  service: serviceName,
  version,
  environment: serviceName.optional(),
  requestedBy: words(200).optional(),
  reason: paragraph(2_000).optional(),
  checklistOnly: z.boolean().optional(),
  overrideFreeze: paragraph(2_000).min(1).optional(),
});

/** A request for a rollback of its own, as strict. */
export const rollbackRequestSchema = z.strictObject({
  service: serviceName,
  environment: serviceName.optional(),
  requestedBy: words(200).optional(),
  reason: paragraph(2_000),
  force: z.boolean().optional(),
  currentRunbook: z.boolean().optional(),
  run: z.uuid().optional(),
});

/** A runbook, checked and normalised. The parts with a `kind` have more keys, which only their kind knows. */
export type Runbook = z.output<ReturnType<typeof runbookSchema>>;
