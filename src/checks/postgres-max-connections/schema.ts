import { z } from 'zod';
import type { CheckBase } from '../../runbook/index.ts';
import { database, service } from '../postgres/schema.ts';

export const schema = (base: CheckBase) =>
  base.extend({
    database,
    ...service,
    headroom: z.int().min(0).default(5).describe('Connections to keep free, in addition to all that are counted.'),
  });

export type Config = z.output<ReturnType<typeof schema>>;
