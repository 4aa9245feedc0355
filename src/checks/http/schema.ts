import { z } from 'zod';
import { type CheckBase, httpUrl, TARGET_PLACEHOLDERS, template } from '../../runbook/index.ts';

export const schema = (base: CheckBase) =>
  base.extend({
    url: httpUrl(...TARGET_PLACEHOLDERS).describe('The address.'),
    status: z.int().min(100).max(599).default(200).describe('The expected HTTP status.'),
    contains: template(...TARGET_PLACEHOLDERS)
      .optional()
      .describe('Text that the body of the answer has to contain.'),
  });

export type Config = z.output<ReturnType<typeof schema>>;
