import { z } from 'zod';
import { type Matcher, parseSelector } from '../promql/index.ts';
import { duration, envName, httpUrl } from './scalars.ts';

/** Where a runbook's counts come from. */

const metric = z
  .string({ error: 'expected the name of a metric' })
  .regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/, 'expected the name of a metric, without labels');
const label = z
  .string({ error: 'expected the name of a label' })
  .regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, 'expected the name of a label');

const SELECTOR = 'expected labels such as { service: shop }, or PromQL such as \'{service="shop",path!~"/health.*"}\'';

/** `{ service: recommendation }`, or PromQL where equality is not enough: `'{service="shop",path!~"/health.*"}'`. */
const selector = z.union(
  [
    z
      .record(label, z.string())
      .transform((labels) =>
        Object.entries(labels).map(([name, value]): Matcher => ({ label: name, operator: '=', value })),
      ),
    z.string().transform((text, context): Matcher[] => {
      const parsed = /^\s*\{/.test(text) ? parseSelector(`any${text.trim()}`) : undefined;
      if (parsed) return parsed.matchers.filter((matcher) => matcher.label !== '__name__');
      context.addIssue({ code: 'custom', message: SELECTOR });
      return z.NEVER;
    }),
  ],
  { error: SELECTOR },
);

/** All versions and all buckets have to be seen. */
function refuseConditions(
  { selector: matchers = [], versionLabel }: { selector?: readonly Matcher[] | undefined; versionLabel: string },
  context: z.RefinementCtx,
): void {
  for (const name of [versionLabel, 'le'])
    if (matchers.some((matcher) => matcher.label === name))
      context.addIssue({
        code: 'custom',
        path: ['selector'],
        message: `found a condition on "${name}", expected none: all versions and all buckets have to be seen`,
      });
}

/** Prometheus reads patterns that this language does not know, such as `(?i)`: on a page nobody would apply them. */
function refusePatterns(
  { selector: matchers = [] }: { selector?: readonly Matcher[] | undefined },
  context: z.RefinementCtx,
) {
  for (const { label: name, operator, value } of matchers)
    if (operator.endsWith('~') && !isPattern(value))
      context.addIssue({
        code: 'custom',
        path: ['selector'],
        message: `found the pattern ${JSON.stringify(value)} for "${name}", expected a regular expression that JavaScript knows`,
      });
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 's').source !== '';
  } catch {
    return false;
  }
}

const scrape = z
  .strictObject({
    kind: z.literal('scrape').describe("The worker reads pages in Prometheus' text format."),
    targets: z
      .array(httpUrl())
      .min(1)
      .refine(
        (urls) => new Set(urls).size === urls.length,
        'found a page twice, expected each once: its requests would be counted twice',
      )
      .describe('The pages. Their counts are added up.'),
    selector: selector
      .optional()
      .describe(
        'Labels that select the series of this service, if the pages also show others. Do not select a version.',
      ),
    requests: z
      .string()
      .min(1)
      .describe('A counter of requests, with a label for the version and one for the status code.'),
    latency: z
      .string()
      .min(1)
      .optional()
      .describe(
        'A histogram of durations, with a label for the version, in seconds, or in milliseconds if its name ends in `_milliseconds`.',
      ),
    versionLabel: z.string().min(1).default('version').describe('The label that holds the version.'),
    codeLabel: z.string().min(1).default('code').describe('The label that holds the status code.'),
    poll: duration.prefault('5s').describe('How often the pages are read.'),
  })
  .superRefine(refuseConditions)
  .superRefine(refusePatterns)
  .meta({
    examples: [
      {
        kind: 'scrape',
        targets: ['http://router.example.com:9100/metrics'],
        requests: 'http_requests_total',
        latency: 'http_request_duration_seconds',
      },
    ],
  });

const HEADER_VALUE = 'expected text without blanks, or { env: NAME } for a secret';
const header = z
  .string({ error: 'expected the name of a header' })
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'expected the name of a header')
  .refine((name) => name.toLowerCase() !== 'authorization', 'expected another header: use metrics.auth for this one');

const prometheus = z
  .strictObject({
    kind: z.literal('prometheus').describe('The HTTP API of a Prometheus, Thanos, Mimir or VictoriaMetrics.'),
    url: httpUrl().describe('The address of the HTTP API, without `/api/v1/query`.'),
    selector: selector.describe(
      'Labels that select the series of this service. Do not select a version: all versions are needed.',
    ),
    requests: metric.describe('A counter of requests, with a label for the version and one for the status code.'),
    latency: metric
      .optional()
      .describe(
        'A histogram of durations, classic (without `_bucket`) or native, with a label for the version, in seconds, or in milliseconds if its name ends in `_milliseconds`.',
      ),
    versionLabel: label.default('version').describe('The label that holds the version.'),
    codeLabel: label.default('code').describe('The label that holds the status code.'),
    poll: duration
      .prefault('15s')
      .describe(
        'The interval at which Prometheus scrapes. A shorter one finds nothing new; a longer one finds faults later.',
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
      .describe('Headers to send, such as a tenant: the value itself, or the variable with it if it is a secret.'),
    caFile: z
      .string()
      .min(1)
      .optional()
      .describe('A PEM file on the worker with the certificate authorities to trust.'),
  })
  .superRefine(refuseConditions)
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
  });

export const metricsSchema = z
  .discriminatedUnion('kind', [scrape, prometheus])
  .describe('Where the counts of requests come from.');
