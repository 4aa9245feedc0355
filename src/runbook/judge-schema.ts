import { z } from 'zod';
import { SEQUENTIAL_DEFAULTS, THRESHOLD_DEFAULTS } from '../judge/index.ts';
import { duration } from './scalars.ts';

/** A default of the judge, for a description. It holds only with one of the rules, so the key itself has no default. */
const defaultText = (ms: number) => `Default: ${ms % 60_000 === 0 ? `${ms / 60_000}m` : `${ms / 1_000}s`}`;

/** How long to wait for a person if the runbook does not say. */
export const UNDECIDED_TIMEOUT_MS = 3_600_000;

/** The keys that go with one of the rules only. */
const ONLY_WITH = {
  sequential: [
    'burstTolerance',
    'confidence',
    'maxNoData',
    'maxBlueUnhealthy',
    'onUndecided',
    'undecidedTimeout',
    'trafficGrace',
  ],
  threshold: ['batch', 'breachesInARow'],
} as const;

/** The judge's part of the runbook's schema. */
export const judge = z
  .strictObject({
    rule: z
      .enum(['sequential', 'threshold'])
      .default('sequential')
      .describe(
        "`sequential` uses statistical tests; `threshold` is the guide's rule: several batches in a row over a limit.",
      ),
    burstTolerance: duration
      .optional()
      .describe(
        `The longest burst of failures that is tolerated if green is good again afterwards. ${defaultText(SEQUENTIAL_DEFAULTS.burstToleranceMs)}.`,
      ),
    confidence: z
      .number()
      .min(0.8)
      .max(0.9999)
      .optional()
      .describe(`The confidence that a statistical rollback needs. Default: ${SEQUENTIAL_DEFAULTS.confidence}.`),
    minRequests: z
      .int()
      .min(1)
      .default(50)
      .describe('How many requests to green a healthy verdict, or a batch of the threshold rule, needs.'),
    batch: duration
      .optional()
      .describe(
        `With \`rule: threshold\`: the shortest length of a batch of requests. ${defaultText(THRESHOLD_DEFAULTS.batchMs)}.`,
      ),
    breachesInARow: z
      .int()
      .min(1)
      .optional()
      .describe(
        `With \`rule: threshold\`: this many batches in a row over a limit are a breach. Default: ${THRESHOLD_DEFAULTS.breachesInARow}.`,
      ),
    maxNoData: duration
      .optional()
      .describe(
        `After this time without metrics, the deployment is undecided. ${defaultText(SEQUENTIAL_DEFAULTS.maxNoDataMs)}.`,
      ),
    maxBlueUnhealthy: duration
      .optional()
      .describe(
        `After this time with blue itself over a limit, the deployment is undecided. ${defaultText(SEQUENTIAL_DEFAULTS.maxBlueUnhealthyMs)}.`,
      ),
    onUndecided: z
      .enum(['wait', 'rollback'])
      .optional()
      .describe(
        'What an undecided deployment does. `wait`: notify people, and continue when there is evidence again. `rollback`: roll back at once. Default: `wait`.',
      ),
    undecidedTimeout: duration
      .optional()
      .describe(`How long an undecided deployment waits before it rolls back. ${defaultText(UNDECIDED_TIMEOUT_MS)}.`),
    trafficGrace: duration
      .optional()
      .describe(
        `How long green may be without traffic after a shift: a router may need time. ${defaultText(SEQUENTIAL_DEFAULTS.trafficGraceMs)}.`,
      ),
  })
  .superRefine((given, context) => {
    const others = given.rule === 'threshold' ? ONLY_WITH.sequential : ONLY_WITH.threshold;
    const needed = given.rule === 'threshold' ? 'sequential' : 'threshold';
    for (const key of others)
      if (given[key] !== undefined)
        context.addIssue({
          code: 'custom',
          path: [key],
          message: `expected only with rule: ${needed}; remove one of them`,
        });
  })
  .prefault({})
  .meta({
    description: 'How the counts are judged.',
    examples: [{ rule: 'sequential', burstTolerance: '5s', confidence: 0.99 }],
  });
