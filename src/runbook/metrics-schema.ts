import { z } from 'zod';
import { type Matcher, parseSelector } from '../prometheus/selectors.ts';
import { duration, envName, httpUrl } from './scalars.ts';

/** Where a runbook's counts come from. */

const scrape = z.strictObject({
  kind: z.literal('scrape'),
  /** Pages in Prometheus' text format; the counts of all of them together are the service's. */
  targets: z.array(httpUrl()).min(1),
  /** A counter with a label for the version and one for the status code. */
  requests: z.string().min(1),
  /** A histogram in seconds with a label for the version. */
  latency: z.string().min(1).optional(),
  versionLabel: z.string().min(1).default('version'),
  codeLabel: z.string().min(1).default('code'),
  poll: duration.prefault('5s'),
});

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

const HEADER_VALUE = 'expected text without blanks, or { env: NAME } for a secret';
const header = z
  .string({ error: 'expected the name of a header' })
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'expected the name of a header')
  .refine((name) => name.toLowerCase() !== 'authorization', 'expected another header: use metrics.auth for this one');

const prometheus = z
  .strictObject({
    kind: z.literal('prometheus'),
    /** Of a Prometheus, Thanos, Mimir or VictoriaMetrics, up to where `/api/v1/query` follows. */
    url: httpUrl(),
    selector,
    /** A counter with a label for the version and one for the status code. */
    requests: metric,
    /** A histogram in seconds, classic (without its `_bucket`) or native, with a label for the version. */
    latency: metric.optional(),
    versionLabel: label.default('version'),
    codeLabel: label.default('code'),
    /** As often as Prometheus scrapes: in between there is nothing new, and longer makes the judge slower. */
    poll: duration.prefault('15s'),
    /** For one answer. */
    timeout: duration.prefault('5s'),
    auth: z
      .union([z.strictObject({ tokenEnv: envName }), z.strictObject({ basicEnv: envName })], {
        error: 'expected { tokenEnv: NAME }, or { basicEnv: NAME } of a variable that holds user:password',
      })
      .optional(),
    /** A tenant, say: the value as it is, or the variable of the worker that holds it where it is a secret. */
    headers: z
      .record(
        header,
        z.union([z.string().regex(/^[\x21-\x7e]+$/, HEADER_VALUE), z.strictObject({ env: envName })], {
          error: HEADER_VALUE,
        }),
      )
      .default({}),
    /** On the worker, in PEM form. */
    caFile: z.string().min(1).optional(),
  })
  .superRefine(({ selector: matchers, versionLabel }, context) => {
    for (const name of [versionLabel, 'le'])
      if (matchers.some((matcher) => matcher.label === name))
        context.addIssue({
          code: 'custom',
          path: ['selector'],
          message: `found a condition on "${name}", expected none: all versions and all buckets have to be seen`,
        });
  });

export const metricsSchema = z.discriminatedUnion('kind', [scrape, prometheus]);
