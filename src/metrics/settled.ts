import type { MetricCursor } from '../domain/index.ts';
import type { MetricInterval, MetricReading, MetricSource } from '../plugin/index.ts';
import type { CountersConfig } from './schema.ts';

/** By version: how many failed requests were counted before their requests were (negative), or cannot be failed yet. */
type Unsettled = Readonly<Record<string, number>>;
type Cursor = MetricCursor & { readonly unsettled?: Unsettled };

/**
 * Two counters are never read at quite the same moment: a difference of them may be below zero, or more than all requests.
 * What does not fit into one interval is kept in the cursor for the next, so that the sum stays exact.
 */
export function settled({ failed }: CountersConfig, source: MetricSource): MetricSource {
  if (typeof failed !== 'object' || !('counter' in failed || 'answeredCounter' in failed)) return source;
  const inspect = source.inspect?.bind(source);
  return {
    ...source,
    read: async (since, signal) => settle(since, await source.read(since, signal)),
    ...(inspect && { inspect: async (since, signal) => settle(since, await inspect(since, signal)) }),
  };
}

function settle<Reading extends MetricReading>(since: Cursor | null, reading: Reading): Reading {
  const open = new Map(Object.entries(since?.unsettled ?? {}));
  const intervals = reading.intervals.map(({ counts, ...when }): MetricInterval => {
    const fitting = Object.entries(counts).map(([version, one]) => {
      const all = one.failed + (open.get(version) ?? 0);
      const failed = Math.min(Math.max(0, all), one.requests);
      open.set(version, all - failed);
      return [version, { ...one, failed }] as const;
    });
    return { ...when, counts: Object.fromEntries(fitting) };
  });
  const unsettled = Object.fromEntries([...open].filter(([, left]) => left !== 0));
  const cursor: Cursor = { ...reading.cursor, ...(Object.keys(unsettled).length > 0 && { unsettled }) };
  return { ...reading, cursor, intervals };
}
