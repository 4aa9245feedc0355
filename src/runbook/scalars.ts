import { z } from 'zod';
import { isBuiltIn, SERVICE_NAME, SERVICE_NAME_RULE } from '../domain/index.ts';

/** The scalar values of runbooks and requests: what people write, and how it is parsed. */

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const DURATION = /^(\d+)(ms|s|m|h)$/;
/** Anything longer is a typing mistake. */
const LONGEST_MS = 30 * 24 * UNIT_MS.h;

/** A length such as `90s`, `10m`, `4h`, as milliseconds. */
export const duration = z
  .string({ error: 'expected a duration such as 90s, 10m or 4h' })
  .regex(DURATION, 'expected a duration such as 90s, 10m or 4h')
  .transform((text) => {
    const [, amount = '', unit = 'ms'] = DURATION.exec(text) ?? [];
    return Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
  })
  .refine((ms) => ms > 0, 'expected a duration longer than 0')
  .refine((ms) => ms <= LONGEST_MS, 'expected a duration of at most 720h');

/** How often metrics are read. */
export const pollInterval = duration.refine((ms) => ms >= 100, 'expected 100ms or more: each poll asks the metrics');

/** A share such as `5%` or `0.5%`, as a fraction. */
export const share = z
  .string({ error: 'expected a share such as 5% or 0.5%' })
  .regex(/^\d+(\.\d+)?%$/, 'expected a share such as 5% or 0.5%')
  .transform((text) => Number(text.slice(0, -1)) / 100)
  .refine((fraction) => fraction > 0 && fraction < 1, 'expected more than 0% and less than 100%');

/** `quantile` of all requests is answered within `under`. */
export const latencyLimit = z.strictObject({
  quantile: z
    .number()
    .gt(0)
    .lt(1)
    .describe('The share of requests that has to be fast enough: `0.95` means 95 of 100.'),
  under: duration.describe('The longest time that counts as fast enough.'),
});

const isNoBuiltIn = (text: string) => !isBuiltIn(text);

/** A service or an environment, by the name that it has elsewhere. */
export const serviceName = z
  .string({ error: 'expected a name such as payments_api or team/checkout' })
  .regex(SERVICE_NAME, `expected ${SERVICE_NAME_RULE}`)
  .refine(isNoBuiltIn, 'expected another name: JavaScript uses this one');

/** Names that people choose and that end up in ids, arguments and file names. */
export const name = z
  .string({ error: 'expected a name in lower-case letters, digits and dashes' })
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'expected lower-case letters, digits and dashes, at most 63, not starting or ending with a dash',
  )
  .refine(isNoBuiltIn, 'expected another name: JavaScript uses this one');

/** A version goes into arguments, URLs and labels: it can never look like an option or a path. */
export const version = z
  .string({
    error: ({ input }) =>
      typeof input === 'number'
        ? 'expected a version in quotes, such as "2.50": without them it is a number'
        : 'expected a version such as 2.5.0, as text',
  })
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/,
    'expected letters, digits and . _ + -, at most 128, starting with a letter or digit',
  )
  .refine((text) => !text.includes('..'), 'expected no ".."')
  .refine(isNoBuiltIn, 'expected another name: JavaScript uses this one');

/** The name of an environment variable of the worker: a runbook names a secret without containing it. */
export const envName = z
  .string({ error: 'expected the name of an environment variable' })
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected the name of an environment variable');

/** What a program of the runbook gets of the worker's environment. */
export const commandEnv = z
  .array(envName)
  .optional()
  .describe(
    'The variables of the worker that the program gets, beside `PATH`, `HOME`, `USER`, `LOGNAME`, `LANG`, `LC_*`, `TZ`, `TMPDIR` ' +
      'and `BLUEGREEN_*`. Each has to be set.',
  );

/** Text that others read in a terminal: control characters could rewrite the screen. */
export const words = (longest: number) =>
  z
    .string()
    .max(longest)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'expected one line without control characters');
export const paragraph = (longest: number) =>
  z
    .string()
    .max(longest)
    .regex(/^(?:[^\p{Cc}\p{Cs}]|[\n\r\t])*$/u, 'expected text without control characters');

/**
 * A program and its arguments; `{placeholders}` are filled as text inside one argument, never by a shell. One that is
 * misspelt would reach the program as it stands, so it is an error here.
 */
export function command(...placeholders: readonly string[]) {
  const expected = 'expected a program and its arguments as a list such as [program, --flag, "{service}"]';
  return z
    .array(z.string({ error: 'expected text; put numbers in quotes' }).min(1, 'expected text'), { error: expected })
    .min(1, expected)
    .superRefine((parts, context) => {
      parts.forEach((part, index) => {
        const message = unknownPlaceholder(part, placeholders);
        if (message !== undefined) context.addIssue({ code: 'custom', path: [index], message });
      });
    });
}

/** A URL without a user name or password: secrets stay out of a runbook. Placeholders are filled, encoded, when used. */
export function httpUrl(...placeholders: readonly string[]) {
  return z.string({ error: 'expected an http or https URL' }).superRefine((text, context) => {
    const fail = (message: string) => context.addIssue({ code: 'custom', path: [], message });
    if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) return fail('expected an http or https URL');
    const { username, password } = new URL(text);
    if (username !== '' || password !== '') return fail('expected a URL without a user name or password');
    const message = unknownPlaceholder(text, placeholders);
    if (message !== undefined) fail(message);
  });
}

/** Text in which `{placeholders}` are filled when it is used. */
export function template(...placeholders: readonly string[]) {
  return z
    .string()
    .min(1)
    .superRefine((text, context) => {
      const message = unknownPlaceholder(text, placeholders);
      if (message !== undefined) context.addIssue({ code: 'custom', path: [], message });
    });
}

function unknownPlaceholder(text: string, known: readonly string[]): string | undefined {
  const unknown = [...text.matchAll(/\{([A-Za-z][A-Za-z0-9_]*)\}/g)].find(([, key = '']) => !known.includes(key));
  if (unknown === undefined) return undefined;
  const allowed = known.map((key) => `{${key}}`).join(' ');
  return `found the placeholder ${unknown[0]}, expected ${allowed === '' ? 'none here' : `one of ${allowed}`}`;
}
