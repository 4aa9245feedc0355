import type { MetricCursor } from '../domain/index.ts';
import type { MetricSource } from '../plugin/index.ts';
import type { RunContext } from '../util/index.ts';
import { messageOf } from '../util/index.ts';
import type { Ports } from './ports.ts';
import { pause } from './with-heartbeat.ts';

const BETWEEN_READINGS_MS = 1_000;

/** Blue's counts after a rollback, and green's requests beside them. Green's buckets are no concern of blue's. */
export function recoveryMetrics(
  ports: Ports,
  { blue, green }: { readonly blue: string; readonly green: string },
): MetricSource {
  return ports.metrics({ blue, green: blue, apart: green }, false);
}

export interface IdleGreen {
  /** Where the metrics were before the interval in which green got no requests; missing if there was none. */
  readonly cursor?: MetricCursor;
  /** What it got in the newest interval; missing where it got nothing, or the metrics did not say. */
  readonly requests?: number;
}

/** Waits until the metrics count an interval after `from` in which green got no requests, or until `until`. */
export async function awaitIdleGreen(
  source: MetricSource,
  { green, from, until }: { readonly green: string; readonly from: number; readonly until: number },
  run: RunContext,
): Promise<IdleGreen> {
  let since: MetricCursor | null = null;
  let requests: number | undefined;
  while (Date.now() < until) {
    let problem = 'no two readings to compare yet';
    try {
      const { cursor, intervals } = await source.read(since, run.signal);
      for (const { from: begun, counts, absent } of intervals) {
        if (begun < from || absent?.includes(green)) continue;
        requests = counts[green]?.requests ?? 0;
        if (requests === 0) return since ? { cursor: since } : {};
      }
      since = cursor;
    } catch (error) {
      run.signal.throwIfAborted();
      problem = messageOf(error);
    }
    if (requests !== undefined) problem = `it got ${requests} in the newest interval`;
    run.heartbeat({ doing: `waiting until ${green} gets no requests`, problem });
    await pause(Math.min(BETWEEN_READINGS_MS, Math.max(0, until - Date.now())), run.signal);
  }
  return requests === undefined ? {} : { requests };
}
