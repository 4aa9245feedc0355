import type { Counts } from '../runbook/plan.ts';
import type { Reading, SeriesReading } from './source.ts';

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
    const base = before && !restarted(before, now) ? before : NONE;
    const sum = versions.get(now.version) ?? NONE;
    versions.set(now.version, {
      requests: sum.requests + now.requests - base.requests,
      failed: sum.failed + now.failed - base.failed,
      slow: sum.slow + now.slow - base.slow,
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

function restarted(before: SeriesReading, now: SeriesReading): boolean {
  const moved =
    before.startedAt !== undefined &&
    now.startedAt !== undefined &&
    Math.abs(now.startedAt - before.startedAt) > SAME_START_MS;
  return (
    moved ||
    now.requests < before.requests ||
    now.failed < before.failed ||
    now.slow < before.slow ||
    now.seconds < before.seconds
  );
}
