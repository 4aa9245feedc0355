import { z } from 'zod';
import { EVIDENCE_DEFAULTS } from '../judge/rules.ts';
import { duration } from './scalars.ts';

/** A default of the judge, for a description. It holds only with `rule: evidence`, so the key itself has no default. */
const defaultText = (ms: number) => `Default: ${ms % 60_000 === 0 ? `${ms / 60_000}m` : `${ms / 1_000}s`}`;

/** How long to wait for a person if the runbook does not say. */
export const UNDECIDED_TIMEOUT_MS = 3_600_000;

/** The judge's part of the runbook's schema. */
export const judge = z
  .strictObject({
    rule: z
      .enum(['evidence', 'literal'])
      .default('evidence')
      .describe(
        "`evidence` uses statistical tests; `literal` is the guide's rule: several batches in a row over a limit.",
      ),
    patience: duration
      .optional()
      .describe(
        `The longest burst of failures that is tolerated if green is good again afterwards. ${defaultText(EVIDENCE_DEFAULTS.patienceMs)}.`,
      ),
    confidence: z
      .number()
      .min(0.8)
      .max(0.9999)
      .optional()
      .describe(`The confidence that a statistical rollback needs. Default: ${EVIDENCE_DEFAULTS.confidence}.`),
    batch: duration.prefault('60s').describe('The shortest time of a batch of requests, for the literal rule.'),
    minRequests: z
      .int()
      .min(1)
      .default(50)
      .describe('The smallest number of requests to green in a batch, and for a healthy verdict.'),
    breachesInARow: z.int().min(1).default(3).describe('How many batches in a row over a limit are a breach.'),
    maxBlind: duration
      .optional()
      .describe(
        `After this time without metrics the deployment is undecided. ${defaultText(EVIDENCE_DEFAULTS.maxBlindMs)}.`,
      ),
    maxHold: duration
      .optional()
      .describe(
        `After this time with blue itself over a limit the deployment is undecided. ${defaultText(EVIDENCE_DEFAULTS.maxHoldMs)}.`,
      ),
    onUndecided: z
      .enum(['wait', 'rollback'])
      .optional()
      .describe(
        'What happens when the deployment is undecided: `wait` notifies people and goes on when there is evidence again, `rollback` rolls back at once. Default: `wait`.',
      ),
    undecidedTimeout: duration
      .optional()
      .describe(`How long to wait for a person before rolling back. ${defaultText(UNDECIDED_TIMEOUT_MS)}.`),
    routeGrace: duration
      .optional()
      .describe(
        `How long green may be without traffic after a shift, because a router may need time. ${defaultText(EVIDENCE_DEFAULTS.routeGraceMs)}.`,
      ),
  })
  .superRefine((given, context) => {
    if (given.rule !== 'literal') return;
    for (const key of [
      'patience',
      'confidence',
      'maxBlind',
      'maxHold',
      'onUndecided',
      'undecidedTimeout',
      'routeGrace',
    ] as const)
      if (given[key] !== undefined)
        context.addIssue({
          code: 'custom',
          path: [key],
          message: 'expected only with rule: evidence; remove one of them',
        });
  })
  .prefault({})
  .meta({
    description: 'How the counts are judged.',
    examples: [{ rule: 'evidence', patience: '5s', batch: '20s' }],
  });
