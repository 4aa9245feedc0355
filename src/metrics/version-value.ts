import { z } from 'zod';
import { type MetricReading, type MetricSource, metricsUnavailable } from '../plugin/index.ts';
import type { Compared } from './inspection.ts';

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
  .default('{version}')
  .describe(
    'How `versionLabel` writes a version, if not as the release is called: `"v{version}"`, or `{ replace: { "+": "_" } }`, or ' +
      '`{ length: 7 }` for a short commit id. Default: `{version}`.',
  );

export type VersionValue = z.output<typeof versionValue>;

/** The value of the label for a version. */
export function valueOf(given: VersionValue, version: string): string {
  const { value, replace = {}, length } = typeof given === 'string' ? { value: given } : given;
  const short = version.slice(0, length);
  const written = Object.entries(replace).reduce((text, [from, to]) => text.replaceAll(from, to), short);
  return value.replaceAll('{version}', () => written);
}

/**
 * The source of the metrics' own values, as one of versions: blue and green go by their names. Other versions keep the
 * values that the metrics have, and so does the cursor. Where blue and green are written alike, nothing can be read.
 */
export function namedByVersion(
  given: VersionValue,
  compared: Compared | undefined,
  create: (compared: Compared | undefined) => MetricSource,
): MetricSource {
  const value = (version: string) => valueOf(given, version);
  if (!compared) return create(compared);
  const { blue, green } = compared;
  const source = create({ blue: value(blue), green: value(green) });
  if (blue !== green && value(blue) === value(green)) {
    const why = `metrics.versionValue writes ${blue} and ${green} alike, as ${JSON.stringify(value(blue))}: they cannot be told apart`;
    const { freshEveryMs, measuresLatency } = source;
    return { freshEveryMs, measuresLatency, read: () => Promise.reject(metricsUnavailable(why)) };
  }
  const names = new Map([green, blue].map((version) => [value(version), version]));
  const name = (version: string) => names.get(version) ?? version;
  const renamed = <Value>(all: Readonly<Record<string, Value>>) =>
    Object.fromEntries(Object.entries(all).map(([version, one]) => [name(version), one]));
  const reading = <Reading extends MetricReading>(read: Reading): Reading => ({
    ...read,
    intervals: read.intervals.map(({ counts, restarted, absent, ...when }) => ({
      ...when,
      counts: renamed(counts),
      ...(restarted && { restarted: renamed(restarted) }),
      ...(absent && { absent: absent.map(name) }),
    })),
  });
  const byName = <One extends { readonly version: string }>(one: One): One => ({ ...one, version: name(one.version) });
  const inspect = source.inspect?.bind(source);
  const history = source.history?.bind(source);
  return {
    freshEveryMs: source.freshEveryMs,
    measuresLatency: source.measuresLatency,
    read: async (since, signal) => reading(await source.read(since, signal)),
    ...(inspect && {
      inspect: async (since, signal) => {
        const found = await inspect(since, signal);
        const series = Object.entries(found.series).map(([key, one]) => [key, byName(one)] as const);
        return { ...reading(found), series: Object.fromEntries(series), slowAbove: found.slowAbove.map(byName) };
      },
    }),
    ...(history && {
      history: (question, context) =>
        history({ ...question, ...(question.version !== undefined && { version: value(question.version) }) }, context),
    }),
  };
}
