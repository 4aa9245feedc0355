import { z } from 'zod';
import { type Matcher, parseSelector } from '../promql/index.ts';

/** What the kinds that read Prometheus' metrics have in common in a runbook. */

export const metric = z
  .string({ error: 'expected the name of a metric' })
  .regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/, 'expected the name of a metric, without labels');
export const label = z
  .string({ error: 'expected the name of a label' })
  .regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, 'expected the name of a label');

const SELECTOR = 'expected labels such as { service: shop }, or PromQL such as \'{service="shop",path!~"/health.*"}\'';

/** `{ service: recommendation }`, or PromQL where equality is not enough: `'{service="shop",path!~"/health.*"}'`. */
export const selector = z.union(
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
export function refuseConditions(
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
export function refusePatterns(
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

/** For `limits.latency` without a histogram. */
export const LATENCY_MISSING = { key: 'latency', message: 'the name of a histogram' };
