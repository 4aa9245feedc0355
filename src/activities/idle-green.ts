import type { GreenLeft, MetricCursor } from '../domain/index.ts';
import { seconds } from '../format/index.ts';
import type { MetricSource } from '../plugin/index.ts';
import type { RunContext } from '../util/index.ts';
import { messageOf } from '../util/index.ts';
import { pollUntil } from './with-heartbeat.ts';

const BETWEEN_READINGS_MS = 1_000;
/** That green gets none is shown by so many requests of blue meanwhile, or by this time: where traffic is low, a second without any is chance. */
const ENOUGH_OF_BLUE = 50;
const ENOUGH_MS = 10_000;
/** What green got is counted over the last of it. */
const RECENT_MS = 10_000;

export interface IdleGreen {
  /** Where the metrics were before the time in which green got no requests; missing if there was none. */
  readonly cursor?: MetricCursor;
  /** What it got in the newest interval in which it got any; missing where it is idle, or the metrics did not say. */
  readonly requests?: number;
  /** The same over the last seconds, with the requests of all versions. */
  readonly left?: GreenLeft;
}

interface Waited {
  readonly green: string;
  readonly blue: string;
  /** Epoch milliseconds: intervals that began before say nothing. */
  readonly from: number;
  readonly until: number;
}

/** Waits until the metrics show that green gets no requests, or until `until`. */
export async function awaitIdleGreen(
  source: MetricSource,
  { green, blue, from, until }: Waited,
  run: RunContext,
): Promise<IdleGreen> {
  if (Date.now() >= until) return {};
  let since: MetricCursor | null = null;
  let requests: number | undefined;
  let recent: readonly GreenLeft[] = [];
  let idle: { readonly cursor?: MetricCursor; readonly ofBlue: number; readonly ms: number } | undefined;
  const isShown = () => idle !== undefined && (idle.ofBlue >= ENOUGH_OF_BLUE || idle.ms >= ENOUGH_MS);
  await pollUntil<true>(until, BETWEEN_READINGS_MS, run.signal, async () => {
    let problem = 'no two readings to compare yet';
    try {
      const { cursor, intervals } = await source.read(since, run.signal);
      for (const { from: begun, to, counts, absent } of intervals) {
        if (begun < from || absent?.includes(green)) continue;
        const got = counts[green]?.requests ?? 0;
        const all = Object.values(counts).reduce((sum, { requests: each }) => sum + each, 0);
        recent = [...recent.filter(({ at }) => at > to - RECENT_MS), { requests: got, all, ms: to - begun, at: to }];
        if (got > 0) [requests, idle] = [got, undefined];
        else {
          const { ofBlue, ms, ...start } = idle ?? { ...(since && { cursor: since }), ofBlue: 0, ms: 0 };
          idle = { ...start, ofBlue: ofBlue + (counts[blue]?.requests ?? 0), ms: ms + to - begun };
        }
      }
      since = cursor;
      if (isShown()) return true;
    } catch (error) {
      run.signal.throwIfAborted();
      problem = messageOf(error);
    }
    if (idle) problem = `it got none for ${seconds(idle.ms)}, in which ${blue} got ${idle.ofBlue}`;
    else if (requests !== undefined) problem = `it got ${requests} in the newest interval`;
    run.heartbeat({ doing: `waiting until ${green} gets no requests`, problem });
    return undefined;
  });
  if (requests !== undefined && !isShown()) return { requests, left: sumOf(recent) };
  return idle?.cursor ? { cursor: idle.cursor } : {};
}

function sumOf(intervals: readonly GreenLeft[]): GreenLeft {
  return intervals.reduce((sum, { requests, all, ms, at }) => ({
    requests: sum.requests + requests,
    all: sum.all + all,
    ms: sum.ms + ms,
    at,
  }));
}
