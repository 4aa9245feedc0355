import type { MetricCursor } from '../domain/index.ts';
import type { MetricSource } from '../plugin/index.ts';
import type { RunContext } from '../util/index.ts';
import { messageOf } from '../util/index.ts';
import { pollUntil } from './with-heartbeat.ts';

const BETWEEN_READINGS_MS = 1_000;

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
  if (Date.now() >= until) return {};
  let since: MetricCursor | null = null;
  let requests: number | undefined;
  const idle = await pollUntil<IdleGreen>(until, BETWEEN_READINGS_MS, run.signal, async () => {
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
    return undefined;
  });
  return idle ?? (requests === undefined ? {} : { requests });
}
