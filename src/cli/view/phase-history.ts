import type { DeploymentStatus, FinishedWindow, MeasuredCounts, Phase, WatchHeartbeat } from '../../domain/index.ts';
import { timedOf } from '../../judge/index.ts';

/** What earlier snapshots showed: charts and the lengths of phases need it. Pure. */

/** Fresh counts of both versions over a stretch of time. */
export interface Sample {
  readonly from: number;
  readonly to: number;
  readonly blue: MeasuredCounts;
  readonly green: MeasuredCounts;
  /** The window that it was seen in, by its beginning. */
  readonly window: number;
  /** Nobody knows over which part of that time they were counted: good for shares, not for a rate. */
  readonly isLonger?: true;
}

export interface PhaseHistory {
  /** In order of time; what was not seen is not there. */
  readonly samples: readonly Sample[];
  /** The phases that were seen, in their order. */
  readonly phases: readonly { readonly phase: Phase; readonly since: number }[];
}

export const NO_HISTORY: PhaseHistory = { samples: [], phases: [] };

/** Three hours of a poll each 5 s; what is older is forgotten. */
const MOST_SAMPLES = 2_000;

/** One more look: finished windows as the status has them, the running one as its heartbeat tells. */
export function remember(
  past: PhaseHistory,
  { status, live }: { readonly status?: DeploymentStatus; readonly live?: WatchHeartbeat },
): PhaseHistory {
  const windows =
    status?.steps.flatMap(({ shiftedAt, windows: own }) => own.map((one) => ({ ...one, shiftedAt }))) ?? [];
  const finished = windows.reduce(addCumulative, past.samples);
  const isFinished = windows.some(({ from }) => from === live?.from);
  const samples = live && !isFinished ? addLive(finished, live) : finished;
  const ordered = samples === past.samples ? samples : samples.toSorted((a, b) => a.from - b.from);
  return { samples: ordered.slice(-MOST_SAMPLES), phases: addPhase(past.phases, status) };
}

function addPhase(phases: PhaseHistory['phases'], status: DeploymentStatus | undefined): PhaseHistory['phases'] {
  if (!status || phases.at(-1)?.since === status.phaseSince) return phases;
  return [...phases, { phase: status.phase, since: status.phaseSince }];
}

/** `shiftedAt`: when its soak began. `intervalMs`: the length of its newest reading, where that is known. */
type Cumulative = Pick<FinishedWindow, 'from' | 'to' | 'blue' | 'green'> & {
  readonly shiftedAt: number;
  readonly intervalMs?: number;
};

function addLive(samples: readonly Sample[], live: WatchHeartbeat): readonly Sample[] {
  const { latest, problem } = live;
  const { soakStartedAt: shiftedAt } = live.watchState;
  const more = addCumulative(samples, { ...live, shiftedAt, ...(latest && { intervalMs: latest.intervalMs }) });
  const added = more === samples ? undefined : more.at(-1);
  // The newest reading alone: how long it took is known, also where it began before the window did.
  if (latest && added && isSame(added.green, latest.green) && isSame(added.blue, latest.blue))
    return [
      ...samples,
      { window: live.from, from: live.to - latest.intervalMs, to: live.to, blue: added.blue, green: added.green },
    ];
  if (more !== samples || !latest || problem !== undefined) return more;
  // Nobody asked either version anything: that is known, and not the same as knowing nothing.
  if (latest.blue.requests > 0 || latest.green.requests > 0) return samples;
  const none = { requests: 0, failed: 0, slow: latest.green.slow === null ? null : 0 };
  const from = seenUntil(samples, live);
  return live.to > from ? [...samples, { window: live.from, from, to: live.to, blue: none, green: none }] : samples;
}

/** A window's counts only grow, so that a heartbeat that was missed loses nothing. */
function addCumulative(samples: readonly Sample[], window: Cumulative): readonly Sample[] {
  const known = samples.filter((sample) => sample.window === window.from);
  const blue = without(
    window.blue,
    known.map((sample) => sample.blue),
  );
  const green = without(
    window.green,
    known.map((sample) => sample.green),
  );
  const from = seenUntil(samples, window);
  // A worker that took over may know a little less than the one before.
  if (blue.requests < 0 || green.requests < 0 || blue.requests + green.requests <= 0 || window.to <= from)
    return samples;
  const sample: Sample = { window: window.from, from, to: window.to, blue, green };
  // The first window of a soak counts from its first reading on, which holds requests from before and is none of it.
  if (samples.length > 0 || window.from - window.shiftedAt > AT_ONCE_MS) return [...samples, sample];
  const { intervalMs } = window;
  if (intervalMs !== undefined && from + intervalMs < window.to)
    return [...samples, { ...sample, from: from + intervalMs }];
  return [...samples, window.to - from < MUCH_LONGER_MS ? { ...sample, isLonger: true } : sample];
}

/** In so long a window its first reading is a small part. */
const MUCH_LONGER_MS = 60_000;

/** The first window of a soak begins so soon after the shift. */
const AT_ONCE_MS = 2_000;

/** Up to where is counted: readings go on from window to window, so that a shift between two of them is in the next one. */
function seenUntil(samples: readonly Sample[], { from }: Pick<Cumulative, 'from'>): number {
  const own = samples.filter((sample) => sample.window === from);
  const before = samples.filter(({ to }) => to <= from);
  const ends = (own.length > 0 ? own : before).map(({ to }) => to);
  return ends.length > 0 ? Math.max(...ends) : from;
}

function without(all: MeasuredCounts, known: readonly MeasuredCounts[]): MeasuredCounts {
  const rest = (of: (counts: MeasuredCounts) => number): number =>
    known.reduce((left, counts) => left - of(counts), of(all));
  const requests = rest((counts) => counts.requests);
  const timed = rest(timedOf);
  return {
    requests,
    failed: rest(({ failed }) => failed),
    slow: all.slow === null ? null : rest(({ slow }) => slow ?? 0),
    ...(timed !== requests && { timed }),
  };
}

function isSame(a: MeasuredCounts, b: MeasuredCounts): boolean {
  return a.requests === b.requests && a.failed === b.failed && a.slow === b.slow && timedOf(a) === timedOf(b);
}
