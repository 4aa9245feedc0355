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
