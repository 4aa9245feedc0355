import { setTimeout as sleep } from 'node:timers/promises';
import type { MetricCursor, MetricSource } from '../plugin/index.ts';
import type { RunContext } from '../util/index.ts';

/** A version that gets less of all requests has no traffic: it is asked for its health. */
export const MOST_WITHOUT_TRAFFIC = 0.2;
/** The requests that it takes to know a share. */
export const ENOUGH_FOR_A_SHARE = 50;

const BETWEEN_READINGS_MS = 1_000;

export interface Requested {
  /** The requests of the version, and of all versions. */
  readonly own: number;
  readonly all: number;
  /** The time over which they were counted. */
  readonly ms: number;
}

export interface Counting {
  /** What is done, for the heartbeat. */
  readonly doing: string;
  /** Epoch milliseconds: intervals that began before say nothing. */
  readonly from?: number;
  readonly until: number;
  readonly isEnough: (counted: Requested) => boolean;
}

/** Counts the requests of a version until there are enough, or until `until`. @throws if they cannot be read */
export async function requestsOf(
  version: string,
  source: MetricSource,
  { doing, from = 0, until, isEnough }: Counting,
  run: RunContext,
): Promise<Requested> {
  let since: MetricCursor | null = null;
  let [own, all, ms] = [0, 0, 0];
  for (;;) {
    const { cursor, intervals } = await source.read(since, run.signal);
    since = cursor;
    for (const { from: begun, to, counts } of intervals) {
      if (begun < from) continue;
      ms += to - begun;
      own += counts[version]?.requests ?? 0;
      all += Object.values(counts).reduce((sum, { requests }) => sum + requests, 0);
    }
    if (isEnough({ own, all, ms }) || Date.now() + BETWEEN_READINGS_MS > until) return { own, all, ms };
    run.heartbeat({ doing });
    await sleep(BETWEEN_READINGS_MS, undefined, { signal: run.signal }).catch(() => run.signal.throwIfAborted());
  }
}
