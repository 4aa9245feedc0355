import type { z } from 'zod';
import { type CheckBase, duration, share } from '../../runbook/index.ts';

export const schema = (base: CheckBase) =>
  base
    .extend({
      detect: share
        .optional()
        .describe(
          'The share of failed requests that the first soak has to be able to detect. Default: twice the limit.',
        ),
      measureFor: duration.prefault('10s').describe("How long to watch blue's series, which have to increase."),
    })
    .refine(({ measureFor, timeout }) => measureFor < timeout, {
      path: ['measureFor'],
      message: "expected less than the check's timeout",
    });

export type Config = z.output<ReturnType<typeof schema>>;
