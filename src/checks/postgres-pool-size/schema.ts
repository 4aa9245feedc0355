import { z } from 'zod';
import { type CheckBase, duration } from '../../runbook/index.ts';
import { database, service } from '../postgres/schema.ts';

export const schema = (base: CheckBase) =>
  base
    .extend({
      database,
      ...service,
      peakRequests: z.number().positive().describe('The peak of requests per second, for the whole service.'),
      hold: duration
        .optional()
        .describe(
          'How long a request holds a connection. By default it is measured in the database over `measureFor`.',
        ),
      measureFor: duration
        .prefault('10s')
        .refine((ms) => ms >= 3_000, 'expected at least 3s')
        .describe(
          'How long to measure `hold`. PostgreSQL updates session times up to a second late, so longer is more accurate.',
        ),
      margin: z
        .number()
        .min(1)
        .default(2)
        .describe('The size of a pool, as a multiple of its average busy connections: requests come in bursts.'),
    })
    .refine(({ measureFor, timeout }) => measureFor < timeout, {
      path: ['measureFor'],
      message: "expected less than the check's timeout",
    });

export type Config = z.output<ReturnType<typeof schema>>;
