import type { MetricCursor } from '../domain/index.ts';
import { timedOf } from '../judge/index.ts';
import { addCounts, NO_COUNTS } from './fresh-counts.ts';
import type { FreshCounts, MetricInspection, MetricInterval, MetricReading, MetricSource } from './metric-source.ts';

/** Cumulative counters of one version on one target, since that target started. */
export interface SeriesReading {
  readonly version: string;
  readonly requests: number;
  readonly failed: number;
  /** Where a counter of answered requests says what failed: `failed` is then `requests` less these. */
  readonly answered?: number;
  /** Requests over the latency limit, failed ones included; 0 where no latency limit is set. */
  readonly slow: number;
  /** Requests whose duration was counted, where they are counted apart. Missing: all of them. */
  readonly timed?: number;
  /** Sum of all durations in seconds, for showing the mean. */
  readonly seconds: number;
  /** When the target's process started, where it says so: a restart is then never overlooked. Epoch milliseconds. */
  readonly startedAt?: number;
  /** Beyond how many seconds a request counts as `slow`: the counts of two readings compare only if it is the same. */
  readonly slowOver?: number;
}

/**
 * Every series of the service at one moment, `at`: when it was counted, which is earlier than it was asked for where
 * somebody else collects. Keys are stable while a target lives: `<target index>/<version>`, or the version.
 */
export interface Reading {
  readonly at: number;
  /** Over how many seconds requests count as slow, where no bucket ends at the limit; of this one reading, never carried on. */
  readonly slowOver?: number;
  readonly series: Readonly<Record<string, SeriesReading>>;
}

/** Exporters round the time of their start. */
const SAME_START_MS = 1_000;

/**
 * What is new in `current`, by version, over all targets. Without a `previous` reading nothing is: it is the baseline.
 * A series that was not there counts from 0, since a version that has just started is born with its first requests; so
 * does one that restarted. Whatever lies between two readings is in the difference: a missed poll loses nothing.
 */
export function freshCounts(previous: Reading | null, current: Reading): Record<string, FreshCounts> {
  const versions = new Map<string, FreshCounts>();
  if (previous === null) return {};
  for (const [key, now] of Object.entries(current.series)) {
    const before = seriesIn(previous, key);
    const base = baseOf(before, now);
    const isUnknown = before && isRedefined(before, now);
    const fresh = {
      requests: now.requests - base.requests,
      failed: failedSince(base, now),
      slow: isUnknown ? 0 : now.slow - base.slow,
      seconds: now.seconds - base.seconds,
      timed: isUnknown ? 0 : Math.max(0, timedOf(now) - timedOf(base)), // a histogram may be gone
    };
    versions.set(now.version, addCounts(versions.get(now.version) ?? NO_COUNTS, fresh));
  }
  return Object.fromEntries(versions);
}

/**
 * The reading to count from next time: the newest of each series, those included that vanished for now. When one is back
 * it goes on, or has restarted; without this it would be counted twice.
 */
export function mergeReadings(previous: Reading | null, current: Reading): Reading {
  return { at: current.at, series: { ...previous?.series, ...current.series } };
}

/** What a reading adds to the one before it. */
interface Advance {
  /** To go on from. */
  readonly reading: Reading;
  /** Missing where there was nothing before, or where the source has nothing newer: that is no evidence of anything. */
  readonly interval?: MetricInterval;
}

export function advance(previous: Reading | null, current: Reading): Advance {
  if (previous && current.at <= previous.at) return { reading: previous };
  const reading = mergeReadings(previous, current);
  if (!previous) return { reading };
  const counts = freshCounts(previous, current);
  const restarted = restartsBetween(previous, current);
  const absent = absentIn(previous, current);
  return { reading, interval: { from: previous.at, to: current.at, counts, restarted, absent } };
}

function seriesIn({ series }: Reading, key: string): SeriesReading | undefined {
  return Object.hasOwn(series, key) ? series[key] : undefined;
}

/** What a series counts from: 0 where it was not there before, or has restarted. */
function baseOf(before: SeriesReading | undefined, now: SeriesReading): Omit<SeriesReading, 'version'> {
  return before && !hasRestarted(before, now) ? before : NO_COUNTS;
}

function absentIn(previous: Reading, current: Reading): string[] {
  const reports = new Map<string, boolean>();
  for (const [key, before] of Object.entries(previous.series)) {
    reports.set(before.version, Object.hasOwn(current.series, key) || (reports.get(before.version) ?? false));
  }
  return [...reports].flatMap(([version, isThere]) => (isThere ? [] : [version]));
}

function restartsBetween(previous: Reading, current: Reading): Record<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [key, now] of Object.entries(current.series)) {
    const before = seriesIn(previous, key);
    const [target = key] = key.split('/');
    if (before && hasRestarted(before, now)) found.set(now.version, [...(found.get(now.version) ?? []), target]);
  }
  return Object.fromEntries(found);
}

/** Below zero where more requests were answered than counted: two counters are never read at quite the same moment. */
function failedSince(
  base: Partial<SeriesReading> & Pick<SeriesReading, 'requests' | 'failed'>,
  now: SeriesReading,
): number {
  if (now.answered === undefined) return now.failed - base.failed;
  return now.requests - base.requests - (now.answered - (base.answered ?? 0));
}

/** Slow means over another number of seconds since: what is new in between cannot be known. */
function isRedefined(before: SeriesReading, now: SeriesReading): boolean {
  return before.slowOver !== now.slowOver;
}

function hasRestarted(before: SeriesReading, now: SeriesReading): boolean {
  const moved =
    before.startedAt !== undefined &&
    now.startedAt !== undefined &&
    Math.abs(now.startedAt - before.startedAt) > SAME_START_MS;
  return (
    moved ||
    now.requests < before.requests ||
    (now.answered === undefined ? now.failed < before.failed : now.answered < (before.answered ?? 0)) ||
    (now.slow < before.slow && !isRedefined(before, now)) ||
    now.seconds < before.seconds
  );
}

/** Cumulative counters, such as those of Prometheus. */
export interface CounterSource {
  /**
   * Reads all targets now.
   * @throws ApplicationFailure `MetricsUnavailable`, retryable, that names the target and what was wrong when any of them
   *   cannot be read: half a reading would look like lost traffic.
   */
  read(signal: AbortSignal): Promise<Reading>;
  /** The same, with what the source knows of itself. @throws where nothing can be read. */
  inspect?(signal: AbortSignal): Promise<CounterInspection>;
}

/** What a source of counters knows of itself. */
type CounterInspection = Pick<MetricInspection, 'problems' | 'slowAbove' | 'facts' | 'clocks'> & {
  readonly reading: Reading;
};

/** Makes a metric source of cumulative counters: it counts what is new between two readings. */
export function countedBetween(
  source: CounterSource,
  facts: Pick<MetricSource, 'freshEveryMs' | 'measuresLatency' | 'history'>,
): MetricSource {
  const inspect = source.inspect?.bind(source);
  return {
    ...facts,
    countersApart: true,
    read: async (since, signal) => counted(since, await source.read(signal)),
    ...(inspect && {
      inspect: async (since, signal) => {
        const { reading, ...known } = await inspect(signal);
        return { ...counted(since, reading), ...known, series: reading.series };
      },
    }),
  };
}

/** The cursor of such a source is its last reading. */
function counted(since: MetricCursor | null, { slowOver, ...current }: Reading): MetricReading {
  const { reading, interval } = advance(since as Reading | null, current);
  return { cursor: reading, intervals: interval ? [interval] : [], ...(slowOver !== undefined && { slowOver }) };
}
