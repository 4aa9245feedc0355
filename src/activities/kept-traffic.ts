import { ApplicationFailure } from '@temporalio/common';
import {
  FAILURE,
  type MeasuredCounts,
  type TrafficMoved,
  type WatchHeartbeat,
  type WatchInput,
} from '../domain/index.ts';
import type { Router } from '../plugin/index.ts';
import type { RunContext } from '../util/index.ts';
import { inPercent } from './verify-traffic.ts';
import { pause } from './with-heartbeat.ts';

/** The first time is soon after a shift. */
const FIRST_MS = 3_000;
/** How often the router is read where the requests do not show the share by themselves. */
const EVERY_MS = 60_000;
/** Where the judge doubts that green gets its share. */
const EVERY_MS_IF_DOUBTED = 10_000;
/** And where they do: a router that starts a program to be read takes a quarter of a watch's CPU time. */
const EVERY_MS_IF_SHOWN = 300_000;
/** The requests that it takes to show a share, and how far they may be from it: 5 percentage points, or half of a smaller share. */
const ENOUGH_REQUESTS = 200;
const TOLERANCE = 0.05;
/** A change that was under way at the first look is over by then. */
const AGAIN_MS = 1_000;
const LOOK_MS = 10_000;
const LONGEST_BY = 600;

/** Whether the traffic stays as it was shifted. */
export interface KeptTraffic {
  /**
   * What was found if somebody else has moved it. Never waits: the router is read from time to time, beside the polls.
   * @param seen the requests of both versions since the window opened, and why they are not judged yet
   */
  moved(seen: Requests): TrafficMoved | undefined;
  /** Reads the router at once, whatever the requests show. */
  look(): Promise<TrafficMoved | undefined>;
  /** Ends what is being read. */
  stop(): void;
}

type Requests = Readonly<Record<'green' | 'blue', Pick<MeasuredCounts, 'requests'>>> & Pick<WatchHeartbeat, 'code'>;

/** A router that cannot be read, or not now, is not taken for one whose traffic moved. */
export function keptTraffic(router: Router, { target, percentage }: WatchInput, signal: AbortSignal): KeptTraffic {
  const stopped = new AbortController();
  let nextAt = Date.now() + FIRST_MS;
  let readAt = Number.NEGATIVE_INFINITY;
  let before = { green: 0, blue: 0 };
  let found: TrafficMoved | undefined;

  const bound = (): RunContext => ({
    signal: AbortSignal.any([signal, stopped.signal, AbortSignal.timeout(LOOK_MS)]),
    heartbeat() {},
  });

  async function find(run: RunContext): Promise<void> {
    const wanted = { version: target.green, percentage };
    if ((await readShare(router, wanted, run)).is !== 'moved') return;
    await pause(AGAIN_MS, run.signal);
    const share = await readShare(router, wanted, run);
    if (share.is !== 'moved') return;
    const by = await whoMovedIt(router, run);
    found = { found: share.found, ...(by !== undefined && { by }) };
  }

  return {
    moved({ green, blue, code }) {
      const now = Date.now();
      const isDoubted = code === 'wrong-traffic-split' && now - readAt >= EVERY_MS_IF_DOUBTED;
      if (now < nextAt && !isDoubted) return found;
      nextAt = now + EVERY_MS;
      const isShown = show(percentage, green.requests - before.green, blue.requests - before.blue);
      before = { green: green.requests, blue: blue.requests };
      if (isShown && !isDoubted && nextAt - readAt <= EVERY_MS_IF_SHOWN) return found;
      readAt = now;
      void find(bound()).catch(() => undefined);
      return found;
    },
    async look() {
      await find(bound()).catch(() => undefined);
      return found;
    },
    stop: () => stopped.abort(),
  };
}

/** Whether so many requests of each version show that green has this share of the traffic, in percent. */
function show(percentage: number, green: number, blue: number): boolean {
  const share = percentage / 100;
  const isEnough = green + blue >= ENOUGH_REQUESTS;
  return isEnough && Math.abs(green / (green + blue) - share) <= Math.min(TOLERANCE, share / 2, (1 - share) / 2);
}

/** Who moved the traffic, and what keeps them from it, where the router knows. */
export async function whoMovedIt(router: Router, run: RunContext): Promise<string | undefined> {
  const by = await router.lastChange?.(run).catch(() => undefined);
  return by?.slice(0, LONGEST_BY);
}

type Share = { readonly is: 'kept' | 'unknown' } | { readonly is: 'moved'; readonly found: string };

/** Whether a version has this share of the traffic, as the router says. @throws as `readTraffic`, if it cannot be read now. */
export async function readShare(
  router: Router,
  { version, percentage }: { readonly version: string; readonly percentage: number },
  run: RunContext,
): Promise<Share> {
  try {
    const shares = await router.readTraffic(run);
    if (!shares) return { is: 'unknown' };
    return (shares[version] ?? 0) === percentage ? { is: 'kept' } : { is: 'moved', found: inPercent(shares) };
  } catch (error) {
    if (error instanceof ApplicationFailure && error.type === FAILURE.TrafficDisagrees)
      return { is: 'moved', found: error.message };
    throw error;
  }
}
