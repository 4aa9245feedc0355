import { setTimeout as sleep } from 'node:timers/promises';
import type { MetricCursor } from '../../domain/index.ts';
import {
  addCounts,
  type FreshCounts,
  type MetricInspection,
  type MetricReading,
  type MetricSource,
  NO_COUNTS,
} from '../../plugin/index.ts';
import type { RunContext } from '../../util/index.ts';

/** What the metrics showed of one version while they were measured: its fresh requests, and how they were read. */
export interface Measured extends FreshCounts {
  readonly readings: number;
  /** From the first reading to the last, as the source dates them. */
  readonly spanMs: number;
  /** The series of this version. A source without series has one for each version with requests. */
  readonly series: { readonly all: number; readonly moved: number };
  /** All versions that the metrics know, and those other than this one that got requests. */
  readonly versions: readonly string[];
  readonly alsoServing: readonly string[];
  /** How old the newest reading was when it arrived. */
  readonly ageMs: number;
  /** What the source knows of itself, if it does. */
  readonly inspection?: MetricInspection;
}

/**
 * Reads as the watch will, for as long as wanted; at once done where the version is known to have no series.
 * @throws what the source throws when it cannot be read; the signal's reason when that aborts.
 */
export async function measure(
  source: MetricSource,
  wanted: { readonly version: string; readonly forMs: number; readonly pollMs: number },
  { signal, heartbeat }: RunContext,
): Promise<Measured> {
  const { version, forMs, pollMs } = wanted;
  heartbeat({ doing: 'reading the metrics' });
  const first = await readOnce(source, null, signal);
  const until = Date.now() + forMs; // from the first reading: a slow one leaves as much time for the others
  let newest = first;
  let readings = 1;
  let seen = NO_COUNTS;
  const serving = new Set<string>();

  while (!isKnownToBeMissing(newest, version) && Date.now() < until) {
    // A timer may fire a millisecond early; without this the last pause would be none.
    const pauseMs = Math.max(1, Math.min(pollMs, until - Date.now()));
    await sleep(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    newest = await readOnce(source, newest.cursor, signal);
    readings += 1;
    for (const { counts } of newest.intervals) {
      for (const [other, { requests }] of Object.entries(counts)) if (requests > 0) serving.add(other);
      seen = addCounts(seen, counts[version] ?? NO_COUNTS);
    }
    heartbeat({ doing: 'watching the requests move', readings, requests: seen.requests });
  }

  const series = seriesOf(newest);
  const own = Object.entries(series ?? {}).filter(([, one]) => one.version === version);
  const inspection = series && (newest as MetricInspection);
  const isServing = serving.delete(version);
  return {
    ...seen,
    readings,
    spanMs: newest.cursor.at - first.cursor.at,
    series: series
      ? {
          all: own.length,
          moved: own.filter(([key, { requests }]) => requests !== seriesOf(first)?.[key]?.requests).length,
        }
      : { all: 1, moved: isServing ? 1 : 0 },
    versions: series
      ? [...new Set(Object.values(series).map((one) => one.version))]
      : [...serving, ...(isServing ? [version] : [])],
    alsoServing: [...serving],
    ageMs: Date.now() - newest.cursor.at,
    ...(inspection && { inspection }),
  };
}

function readOnce(
  source: MetricSource,
  since: MetricCursor | null,
  signal: AbortSignal,
): Promise<MetricReading | MetricInspection> {
  return source.inspect ? source.inspect(since, signal) : source.read(since, signal);
}

function seriesOf(reading: MetricReading | MetricInspection): MetricInspection['series'] | undefined {
  return 'series' in reading ? reading.series : undefined;
}

function isKnownToBeMissing(reading: MetricReading | MetricInspection, version: string): boolean {
  const series = seriesOf(reading);
  return series !== undefined && !Object.values(series).some((one) => one.version === version);
}
