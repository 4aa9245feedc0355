import { setTimeout as sleep } from 'node:timers/promises';
import type { Reading } from '../../domain/index.ts';
import { advance } from '../../metrics/index.ts';
import type { Inspection, MetricSource } from '../../plugin/index.ts';
import type { RunContext } from '../../util/index.ts';

/** What the metrics showed of one version while they were looked at. */
export interface Measured {
  readonly readings: number;
  /** From the first reading to the last, as the source dates them. */
  readonly spanMs: number;
  /** The version's fresh requests in that time, and the sum of their durations in seconds. */
  readonly requests: number;
  readonly failed: number;
  readonly slow: number;
  readonly seconds: number;
  readonly series: { readonly all: number; readonly moved: number };
  /** All versions that the metrics know, and those other than this one that got requests. */
  readonly versions: readonly string[];
  readonly alsoServing: readonly string[];
  /** How old the newest reading was when it arrived. */
  readonly ageMs: number;
  /** Of the newest reading. */
  readonly inspection: Inspection;
}

/**
 * Reads as the watch will, for as long as wanted; at once done where the version has no series.
 * @throws what the source throws when it cannot be read; the signal's reason when that aborts.
 */
export async function measure(
  source: MetricSource,
  wanted: { readonly version: string; readonly forMs: number; readonly pollMs: number },
  { signal, heartbeat }: RunContext,
): Promise<Measured> {
  const { version, forMs, pollMs } = wanted;
  const until = Date.now() + forMs;
  heartbeat({ doing: 'reading the metrics' });
  const first = await source.inspect(signal);
  let newest = first;
  let { reading: merged } = advance(null, first.reading);
  let seen = { readings: 1, requests: 0, failed: 0, slow: 0, seconds: 0 };
  const serving = new Set<string>();

  while (seriesOf(newest.reading, version).length > 0 && Date.now() < until) {
    // A timer may fire a millisecond early; without this the last pause would be none.
    const pauseMs = Math.max(1, Math.min(pollMs, until - Date.now()));
    await sleep(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    newest = await source.inspect(signal, merged);
    const { reading, interval } = advance(merged, newest.reading);
    merged = reading;
    const fresh = interval?.counts ?? {};
    for (const [other, { requests }] of Object.entries(fresh)) if (requests > 0) serving.add(other);
    const { requests = 0, failed = 0, slow = 0, seconds = 0 } = fresh[version] ?? {};
    seen = {
      readings: seen.readings + 1,
      requests: seen.requests + requests,
      failed: seen.failed + failed,
      slow: seen.slow + slow,
      seconds: seen.seconds + seconds,
    };
    heartbeat({ doing: 'watching the requests move', readings: seen.readings, requests: seen.requests });
  }

  const series = seriesOf(newest.reading, version);
  serving.delete(version);
  return {
    ...seen,
    spanMs: newest.reading.at - first.reading.at,
    series: {
      all: series.length,
      moved: series.filter(([key, { requests }]) => requests !== first.reading.series[key]?.requests).length,
    },
    versions: [...new Set(Object.values(newest.reading.series).map((one) => one.version))],
    alsoServing: [...serving],
    ageMs: Date.now() - newest.reading.at,
    inspection: newest,
  };
}

function seriesOf({ series }: Reading, version: string) {
  return Object.entries(series).filter(([, one]) => one.version === version);
}
