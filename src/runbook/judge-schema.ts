import { z } from 'zod';
import { SEQUENTIAL_DEFAULTS } from '../judge/index.ts';
import { duration } from './scalars.ts';

/** What the judge takes where a runbook says nothing: only with `rule: sequential`, so that it is no default of the key. */
const unlessSaid = (ms: number) => `${ms % 60_000 === 0 ? `${ms / 60_000}m` : `${ms / 1_000}s`} by default`;

/** So long a person is waited for, where a runbook says nothing. */
export const UNDECIDED_TIMEOUT_MS = 3_600_000;

/** The judge's part of the runbook's schema. */
export const judge = z
  .strictObject({
    rule: z
      .enum(['sequential', 'threshold'])
      .default('sequential')
      .describe('`threshold` compares batches of requests with the limits, as the guide says, and nothing else.'),
    burstTolerance: duration
      .optional()
      .describe(
        `How long green may be bad without a rollback, if it is good again afterwards; ${unlessSaid(SEQUENTIAL_DEFAULTS.burstToleranceMs)}.`,
      ),
    confidence: z
      .number()
      .min(0.8)
      .max(0.9999)
      .optional()
      .describe(`How sure a rollback by statistics has to be; ${SEQUENTIAL_DEFAULTS.confidence} by default.`),
    batch: duration.prefault('60s').describe('The threshold rule: a batch of requests is at least this long.'),
    minRequests: z.int().min(1).default(50).describe('And holds at least this many requests to green.'),
    breachesInARow: z.int().min(1).default(3).describe('This many batches over a limit in a row are a breach.'),
    maxNoData: duration
      .optional()
      .describe(
        `How long the judge waits without metrics before the soak is undecided; ${unlessSaid(SEQUENTIAL_DEFAULTS.maxNoDataMs)}.`,
      ),
    maxBlueUnhealthy: duration
      .optional()
      .describe(
        `How long the judge waits while blue itself is over a limit before the soak is undecided; ${unlessSaid(SEQUENTIAL_DEFAULTS.maxBlueUnhealthyMs)}.`,
      ),
    onUndecided: z
      .enum(['wait', 'rollback'])
      .optional()
      .describe(
        'What happens then: `wait` notifies people and goes on when the evidence is back, `rollback` rolls back at once. Default: `wait`.',
      ),
    undecidedTimeout: duration
      .optional()
      .describe(`How long to wait for a person before rolling back; ${unlessSaid(UNDECIDED_TIMEOUT_MS)}.`),
    trafficGrace: duration
      .optional()
      .describe(
        `How long after a shift green may be without traffic, since a router may need time; ${unlessSaid(SEQUENTIAL_DEFAULTS.trafficGraceMs)}.`,
      ),
  })
  .superRefine((given, context) => {
    if (given.rule !== 'threshold') return;
    for (const key of [
      'burstTolerance',
      'confidence',
      'maxNoData',
      'maxBlueUnhealthy',
      'onUndecided',
      'undecidedTimeout',
      'trafficGrace',
    ] as const)
      if (given[key] !== undefined)
        context.addIssue({
          code: 'custom',
          path: [key],
          message: 'expected only with rule: sequential; remove one of them',
        });
  })
  .prefault({})
  .meta({
    description: 'How counts become a verdict.',
    examples: [{ rule: 'sequential', burstTolerance: '5s', batch: '20s' }],
  });
