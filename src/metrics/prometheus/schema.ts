import { z } from 'zod';
import { duration, envName, httpUrl, type MetricsBase } from '../../runbook/index.ts';
import { SELECTOR, selector } from '../names.ts';
import { type CountersConfig, counterKeys, withPreset } from '../schema.ts';

const HEADER_VALUE = 'expected text without blanks, or { env: NAME } for a secret';
const header = z
  .string({ error: 'expected the name of a header' })
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'expected the name of a header')
  .refine((name) => name.toLowerCase() !== 'authorization', 'expected another header: use metrics.auth for this one');

export const schema = (base: MetricsBase) =>
  base
    .extend({
      url: httpUrl().describe('The address of the HTTP API, without `/api/v1/query`.'),
      selector: selector
        .optional()
        .describe(
          'Labels that select the series of this service. Do not select a version: all versions are needed. Required with `versionLabel`.',
        ),
      ...counterKeys({}),
      poll: duration
        .prefault('15s')
        .describe(
          'How often to query: use the scrape interval of Prometheus. A shorter interval brings no new data; a longer one finds faults later.',
        ),
      timeout: duration.prefault('5s').describe('The timeout of one request.'),
      auth: z
        .union(
          [
            z.strictObject({ tokenEnv: envName.describe('The variable with a bearer token.') }),
            z.strictObject({ basicEnv: envName.describe('The variable with `user:password`.') }),
          ],
          { error: 'expected { tokenEnv: NAME }, or { basicEnv: NAME } of a variable that holds user:password' },
        )
        .optional()
        .describe("Credentials, in a variable of the worker's environment."),
      headers: z
        .record(
          header,
          z.union(
            [
              z.string().regex(/^[\x21-\x7e]+$/, HEADER_VALUE),
              z.strictObject({ env: envName.describe('The variable with the value.') }),
            ],
            { error: HEADER_VALUE },
          ),
        )
        .default({})
        .describe('HTTP headers, such as a tenant: the value, or the variable that holds it if it is a secret.'),
      caFile: z
        .string()
        .min(1)
        .optional()
        .describe('A PEM file on the worker with the certificate authorities to trust.'),
    })
    .meta({
      examples: [
        {
          kind: 'prometheus',
          url: 'https://prometheus.example.com',
          selector: { service: 'recommendation' },
          requests: 'http_requests_total',
          latency: 'http_request_duration_seconds',
        },
      ],
    })
    .transform(withPreset)
    .superRefine(({ selector: given, slotLabel, versionSelector }, context) => {
      if (given || slotLabel !== undefined || versionSelector) return;
      const message = `missing, ${SELECTOR}: they select this service's series among all`;
      context.addIssue({ code: 'custom', path: ['selector'], message });
    });

export type PrometheusConfig = Omit<z.output<ReturnType<typeof schema>>, keyof CountersConfig> & CountersConfig;
