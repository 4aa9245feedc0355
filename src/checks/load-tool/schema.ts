import { z } from 'zod';
import { type CheckBase, command, commandEnv, latencyLimit, share, TARGET_PLACEHOLDERS } from '../../runbook/index.ts';
import { volume } from '../postgres/schema.ts';

export const schema = (base: CheckBase) =>
  base.extend({
    tool: z.enum(['k6', 'vegeta', 'locust']).describe('The program whose JSON summary is read.'),
    env: commandEnv,
    command: command(...TARGET_PLACEHOLDERS, 'report').describe(
      'The program that sends the load. It writes its JSON summary to the file `{report}`, or prints it.',
    ),
    requestsPerSecond: z
      .number()
      .positive()
      .optional()
      .describe('The rate that has to be reached. Default: only the share of failures and the latency count.'),
    limits: z
      .strictObject({
        errorRate: share.optional().describe('The largest allowed share of failed requests.'),
        latency: latencyLimit.optional().describe('The latency limit. The summary has to have its `quantile`.'),
      })
      .default({})
      .describe("The limits of the test. Default: the runbook's limits."),
    dataVolume: z.array(volume).default([]).describe('The data that staging needs for a realistic test.'),
  });

export type Config = z.output<ReturnType<typeof schema>>;
