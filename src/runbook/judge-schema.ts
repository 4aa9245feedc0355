import { z } from 'zod';
import { EVIDENCE_DEFAULTS } from '../judge/index.ts';
import { duration } from './scalars.ts';

/** What the judge takes where a runbook says nothing: only with `rule: evidence`, so that it is no default of the key. */
const unlessSaid = (ms: number) => `${ms % 60_000 === 0 ? `${ms / 60_000}m` : `${ms / 1_000}s`} if not said`;

/** So long a person is waited for, where a runbook says nothing. */
export const UNDECIDED_TIMEOUT_MS = 3_600_000;

/** The judge's part of the runbook's schema. */
export const judge = z
  .strictObject({
    rule: z
      .enum(['evidence', 'literal'])
      .default('evidence')
      .describe('`literal` takes the limits at their word, as the guide says them, and nothing else.'),
    patience: duration
      .optional()
      .describe(
        `So long green may be bad without being rolled back, if it is good again afterwards; ${unlessSaid(EVIDENCE_DEFAULTS.patienceMs)}.`,
      ),
    confidence: z
      .number()
      .min(0.8)
      .max(0.9999)
      .optional()
      .describe(`How sure a rollback by statistics has to be; ${EVIDENCE_DEFAULTS.confidence} if not said.`),
    batch: duration.prefault('60s').describe('The limits at their word: a batch of requests is at least so long.'),
    minRequests: z.int().min(1).default(50).describe('And has at least so many requests of green.'),
    breachesInARow: z.int().min(1).default(3).describe('So many batches over a limit in a row are a breach.'),
    maxBlind: duration
      .optional()
      .describe(`So long without metrics, and it is undecided; ${unlessSaid(EVIDENCE_DEFAULTS.maxBlindMs)}.`),
    maxHold: duration
      .optional()
      .describe(
        `So long with blue itself over a limit, and it is undecided; ${unlessSaid(EVIDENCE_DEFAULTS.maxHoldMs)}.`,
      ),
    onUndecided: z
      .enum(['wait', 'rollback'])
      .optional()
      .describe(
        'What then: `wait` tells people and goes on when the evidence is back, `rollback` rolls back at once; `wait` if not said.',
      ),
    undecidedTimeout: duration
      .optional()
      .describe(`So long a person is waited for, then it is rolled back; ${unlessSaid(UNDECIDED_TIMEOUT_MS)}.`),
    routeGrace: duration
      .optional()
      .describe(
        `How long after a shift green may be without traffic, since a router may need time; ${unlessSaid(EVIDENCE_DEFAULTS.routeGraceMs)}.`,
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
    description: 'How counts become a verdict.',
    examples: [{ rule: 'evidence', patience: '5s', batch: '20s' }],
  });
