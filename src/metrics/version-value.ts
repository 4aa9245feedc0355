import { z } from 'zod';

/** How a version is written in the metrics, where they write it otherwise than releases are called. */

const template = z
  .string()
  .refine((text) => text.includes('{version}'), 'expected a text with {version} in it, such as "v{version}"');

/** A runbook's key. */
export const versionValue = z
  .union(
    [
      template,
      z.strictObject({
        value: template.default('{version}').describe('The text in the metrics, such as `v{version}`.'),
        replace: z
          .record(z.string().min(1), z.string())
          .default({})
          .describe('Texts of the version that are written otherwise, such as `{ "+": "_" }`.'),
        length: z.int().min(4).optional().describe('Only so many characters of the version: a short commit id.'),
      }),
    ],
    { error: 'expected a text such as "v{version}", or { value, replace, length }' },
  )
  .describe(
    'How the metrics write a version, if not as the release is called: `"v{version}"`, or `{ replace: { "+": "_" } }`, or ' +
      '`{ length: 7 }` for a short commit id. Default: `{version}`.',
  );

export type VersionValue = z.output<typeof versionValue>;

/** The text in the metrics for a version. */
export function valueOf(given: VersionValue, version: string): string {
  const { value, replace = {}, length } = typeof given === 'string' ? { value: given } : given;
  const short = version.slice(0, length);
  const written = Object.entries(replace).reduce((text, [from, to]) => text.replaceAll(from, to), short);
  return value.replaceAll('{version}', () => written);
}

const USUAL: readonly VersionValue[] = [
  'v{version}',
  { value: '{version}', replace: { '+': '_' } },
  { value: '{version}', replace: { '+': '-' } },
  { value: '{version}', replace: { v: '' } },
  { value: 'v{version}', replace: { '+': '_' } },
  { value: '{version}', replace: { '.': '-' } },
  { value: '{version}', replace: {}, length: 7 },
  { value: '{version}', replace: {}, length: 8 },
  { value: '{version}', replace: {}, length: 12 },
];

/** How the metrics seem to write a version, as a runbook says it, by the values that they have. */
export function guessedValue(version: string, known: readonly string[]): string | undefined {
  const found = USUAL.find((one) => known.includes(valueOf(one, version)));
  if (found === undefined || typeof found === 'string') return found && JSON.stringify(found);
  const { value, replace, length } = found;
  return [
    ...(value === '{version}' ? [] : [`value: ${JSON.stringify(value)}`]),
    ...Object.entries(replace).map(([from, to]) => `replace: { ${JSON.stringify(from)}: ${JSON.stringify(to)} }`),
    ...(length === undefined ? [] : [`length: ${length}`]),
  ]
    .join(', ')
    .replace(/^(.*)$/s, '{ $1 }');
}
