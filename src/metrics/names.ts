import { z } from 'zod';
import { type Matcher, parseSelector } from '../promql/index.ts';

/** Names and conditions of Prometheus' metrics in a runbook. */

export const metric = z
  .string({ error: 'expected the name of a metric' })
  .regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/, 'expected the name of a metric, without labels');
export const label = z
  .string({ error: 'expected the name of a label' })
  .regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, 'expected the name of a label');

export const SELECTOR =
  'expected labels such as { service: shop }, or PromQL such as \'{service="shop",path!~"/health.*"}\'';

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

/** Prometheus reads patterns that JavaScript does not know, such as `(?i)`: on a page nobody would apply them. */
export function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 's').source !== '';
  } catch {
    return false;
  }
}
