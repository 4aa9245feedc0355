import { z } from 'zod';
import { type CheckBase, duration, httpUrl, latencyLimit, share, TARGET_PLACEHOLDERS } from '../../runbook/index.ts';
import { volume } from '../postgres/schema.ts';
import { pathProblem } from './weighted-paths.ts';

/** Trying the target, warming up, and waiting for the last answers. */
const AROUND_LOAD_MS = 15_000;
const FEWEST_REQUESTS = 20;

export const schema = (base: CheckBase) =>
  base
    .extend({
      target: httpUrl(...TARGET_PLACEHOLDERS)
        .refine((url) => !/[?#]/.test(url), 'expected no ? and # here: queries stand in paths')
        .describe("Green's address in staging, never in production."),
      requestsPerSecond: z
        .number()
        .positive()
        .max(10_000)
        .describe('The rate, which stays constant even if answers are slow.'),
      duration: duration.prefault('1m').describe('The length of the test, after a short warm-up.'),
      paths: z
        .array(
          z.strictObject({
            path: z
              .string()
              .superRefine((path, context) => {
                const message = pathProblem(path);
                if (message !== undefined) context.addIssue({ code: 'custom', path: [], message });
              })
              .describe(
                'The path below the target. `{random:1:20000}` is replaced by a new random whole number in each request.',
              ),
            weight: z
              .number()
              .positive()
              .default(1)
              .describe('How often the path is requested, relative to the others.'),
          }),
        )
        .min(1)
        .describe('The paths to request.'),
      limits: z
        .strictObject({
          errorRate: share.optional().describe('The largest allowed share of failed requests.'),
          latency: latencyLimit.optional().describe('The latency limit.'),
        })
        .default({})
        .describe("The limits of the test. Default: the runbook's limits."),
      dataVolume: z.array(volume).default([]).describe('The data that staging needs for a realistic test.'),
    })
    .superRefine(({ requestsPerSecond, duration: lengthMs, timeout }, context) => {
      const fail = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
      if (lengthMs + AROUND_LOAD_MS > timeout)
        fail(
          'duration',
          `expected at least ${AROUND_LOAD_MS / 1_000}s less than the check's timeout: it warms up first`,
        );
      if ((requestsPerSecond * lengthMs) / 1_000 < FEWEST_REQUESTS)
        fail('duration', `expected at least ${FEWEST_REQUESTS} requests in it: fewer say nothing`);
    });

export type Config = z.output<ReturnType<typeof schema>>;
