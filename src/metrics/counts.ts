import type { Reading, SeriesReading } from '../domain/index.ts';
import type { Counts } from '../judge/index.ts';
import { redact } from '../util/index.ts';

/** Counts between two readings, and the sum of their durations for the mean. */
export type FreshCounts = Counts & { readonly seconds: number };

const NONE: FreshCounts = { requests: 0, failed: 0, slow: 0, seconds: 0 };
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
    const before = Object.hasOwn(previous.series, key) ? previous.series[key] : undefined;
    const base = before && !hasRestarted(before, now) ? before : NONE;
    const sum = versions.get(now.version) ?? NONE;
    versions.set(now.version, {
      requests: sum.requests + now.requests - base.requests,
      failed: sum.failed + now.failed - base.failed,
      slow: sum.slow + (before && isRedefined(before, now) ? 0 : now.slow - base.slow),
      seconds: sum.seconds + now.seconds - base.seconds,
    });
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
export interface Advance {
  /** To go on from. */
  readonly reading: Reading;
  /** Missing where there was nothing before, or where the source has nothing newer: that is no evidence of anything. */
  readonly interval?: {
    readonly from: number;
    readonly to: number;
    readonly counts: Readonly<Record<string, FreshCounts>>;
    /** By version: the targets whose process restarted in it. */
    readonly restarted: Readonly<Record<string, readonly string[]>>;
    /** Versions that did not report in it at all, though they did before: their counts are missing, which is not 0. */
    readonly absent: readonly string[];
  };
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

function absentIn(previous: Reading, current: Reading): string[] {
  const reports = new Map<string, boolean>();
  for (const [key, before] of Object.entries(previous.series)) {
    const now = Object.hasOwn(current.series, key) ? current.series[key] : undefined;
    const isNew = now !== undefined && (now.sampledAt === undefined || now.sampledAt > (before.sampledAt ?? 0));
    reports.set(before.version, isNew || (reports.get(before.version) ?? false));
  }
  return [...reports].flatMap(([version, isThere]) => (isThere ? [] : [version]));
}

function restartsBetween(previous: Reading, current: Reading): Record<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [key, now] of Object.entries(current.series)) {
    const before = Object.hasOwn(previous.series, key) ? previous.series[key] : undefined;
    const [target = key] = key.split('/');
    const targets = before && hasRestarted(before, now) ? [target] : risen(before?.restarts, now.restarts);
    if (targets.length > 0) found.set(now.version, [...(found.get(now.version) ?? []), ...targets]);
  }
  return Object.fromEntries(found);
}

function risen(before: SeriesReading['restarts'] = {}, now: SeriesReading['restarts'] = {}): string[] {
  return Object.keys(now).filter((target) => (now[target] ?? 0) > (before[target] ?? 0));
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
    now.failed < before.failed ||
    (now.slow < before.slow && !isRedefined(before, now)) ||
    now.seconds < before.seconds
  );
}

/**
 * The versions other than blue and green that have fresh requests, in words: a release goes by another name in the metrics
 * more often than nobody asks for it.
 */
export function otherVersions(
  counts: Readonly<Record<string, Pick<Counts, 'requests'>>>,
  { blue, green }: { readonly blue: string; readonly green: string },
): string | undefined {
  const others = Object.keys(counts).filter(
    (version) => version !== blue && version !== green && (counts[version]?.requests ?? 0) > 0,
  );
  return others.length === 0 ? undefined : `the metrics count requests of ${namesOf(others)} instead`;
}

const MOST_NAMED = 5;
const LONGEST_NAME = 100;

/** A few versions as the metrics call them, which can be any text. */
export function namesOf(versions: readonly string[]): string {
  const shown = versions.slice(0, MOST_NAMED).map((version) => redact(version).slice(0, LONGEST_NAME));
  const more = versions.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
