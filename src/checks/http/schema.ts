import { z } from 'zod';
import { answerKeys } from '../../http-answer/index.ts';
import { type CheckBase, httpUrl, TARGET_PLACEHOLDERS } from '../../runbook/index.ts';

export const schema = (base: CheckBase) =>
  base.extend({
    url: httpUrl(...TARGET_PLACEHOLDERS).describe('The address.'),
    ...answerKeys(...TARGET_PLACEHOLDERS),
    status: z.int().min(100).max(599).default(200).describe('The expected HTTP status.'),
  });

export type Config = z.output<ReturnType<typeof schema>>;
