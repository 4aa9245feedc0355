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
    kind: z.literal('scrape').describe("Pages in Prometheus' text format, read by the worker itself."),
    targets: z
      .array(httpUrl())
      .min(1)
      .refine(
        (urls) => new Set(urls).size === urls.length,
        'found a page twice, expected each once: its requests would be counted twice',
      )
      .describe("The pages; the counts of all of them together are the service's."),
    selector: selector
      .optional()
      .describe("What makes a page's series this service's, where it shows those of others, too; not the version."),
    requests: z.string().min(1).describe('A counter with a label for the version and one for the status code.'),
    latency: z
      .string()
      .min(1)
      .optional()
      .describe('A histogram with a label for the version, in seconds or, by its name, in `_milliseconds`.'),
    versionLabel: z.string().min(1).default('version').describe('The label that holds the version.'),
    codeLabel: z.string().min(1).default('code').describe('The label that holds the status code.'),
    poll: duration.prefault('5s').describe('How often they are read.'),
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
    url: httpUrl().describe('Of the HTTP API, up to where `/api/v1/query` follows.'),
    selector: selector.describe("What makes the series this service's; not the version: all have to be seen."),
    requests: metric.describe('A counter with a label for the version and one for the status code.'),
    latency: metric
      .optional()
      .describe(
        'A histogram, classic (without its `_bucket`) or native, with a label for the version; in seconds or, by its name, in `_milliseconds`.',
      ),
    versionLabel: label.default('version').describe('The label that holds the version.'),
    codeLabel: label.default('code').describe('The label that holds the status code.'),
    poll: duration
      .prefault('15s')
      .describe('As often as Prometheus scrapes: in between there is nothing new, and longer makes the judge slower.'),
    timeout: duration.prefault('5s').describe('For one answer.'),
    auth: z
      .union(
        [
          z.strictObject({ tokenEnv: envName.describe('Names the variable that holds a bearer token.') }),
          z.strictObject({ basicEnv: envName.describe('Names the variable that holds `user:password`.') }),
        ],
        { error: 'expected { tokenEnv: NAME }, or { basicEnv: NAME } of a variable that holds user:password' },
      )
      .optional()
      .describe('How the worker says who it is: by a variable of its environment.'),
    headers: z
      .record(
        header,
        z.union(
          [
            z.string().regex(/^[\x21-\x7e]+$/, HEADER_VALUE),
            z.strictObject({ env: envName.describe('Names the variable that holds the value.') }),
          ],
          { error: HEADER_VALUE },
        ),
      )
      .default({})
      .describe('A tenant, say: the value as it is, or the variable that holds it where it is a secret.'),
    caFile: z.string().min(1).optional().describe('On the worker, in PEM form: whose certificates are trusted.'),
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

export const metricsSchema = z.discriminatedUnion('kind', [scrape, prometheus]).describe('Where the counts come from.');
