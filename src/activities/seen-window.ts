import type {
  LiveCounts,
  MeasuredCounts,
  MetricCursor,
  TrafficMoved,
  WatchHeartbeat,
  WatchInput,
  WatchState,
  WindowResult,
} from '../domain/index.ts';
import { type Judge, type JudgeState, timedOf } from '../judge/index.ts';
import { type FreshCounts, type MetricSource, NO_COUNTS } from '../plugin/index.ts';
import { addMeasured, type Poll } from '../report/index.ts';
import type { Runbook } from '../runbook/index.ts';
import { type FurtherMetrics, joinJudgements, keptResult } from './further-metrics.ts';
import type { ReadAt } from './reading-beat.ts';

/** What a window has seen, from one reading to the next. Pure but for the clock. */

/** A page that cannot be read may be quoted at length. */
const LONGEST_PROBLEM = 300;

type Measured = (counts: FreshCounts) => LiveCounts;

export function newWindow(watchState: WatchState, measured: Measured): WatchHeartbeat {
  const now = Date.now();
  const { meanMs: _, ...none } = measured(NO_COUNTS);
  return {
    verdict: 'inconclusive',
    reason: 'nothing seen yet',
    from: now,
    to: now,
    green: none,
    blue: none,
    watchState,
  };
}

/** The window with what the further metrics say beside what it says by itself. */
export function withFurther(window: WatchHeartbeat, further: FurtherMetrics): WatchHeartbeat {
  const analysis = further.states();
  if (!analysis) return window;
  const results = further.judge(window.to);
  return {
    ...unjudged(window),
    ...joinJudgements(window, results),
    analysis: results.map(keptResult),
    watchState: { ...window.watchState, analysis },
  };
}

/** What the judge knew before this reading: green had no traffic in it, so it says nothing about green. */
export function withoutItsTraffic(
  before: WatchHeartbeat,
  seen: WatchHeartbeat,
  { found }: TrafficMoved,
): WatchHeartbeat {
  return {
    ...unjudged(seen),
    verdict: 'inconclusive',
    code: 'wrong-traffic-split',
    reason: `green gets no requests because the traffic was moved: ${found}`,
    watchState: { ...seen.watchState, judge: before.watchState.judge },
  };
}

/** The workflow sets the traffic right after a window that found it moved. */
export function setRight(judge: Judge<JudgeState>, seen: WatchHeartbeat): WatchHeartbeat {
  const { judge: state } = seen.watchState;
  if (!state || !judge.setRight) return seen;
  return { ...seen, watchState: { ...seen.watchState, judge: judge.setRight(state, Date.now()) } };
}

/** The newest judgement replaces all of the one before. */
export function unjudged(window: WatchHeartbeat): WatchHeartbeat {
  const { code: _, exhausted: __, missingMs: ___, ...rest } = window;
  return rest;
}

export function withoutLive({ latest: _, problem, ...window }: WatchHeartbeat): WindowResult {
  return problem === undefined ? window : { ...window, reason: `${window.reason} (${problem})` };
}

export function readAt(begunAt: number, since: MetricCursor | null, { problem, watchState }: WatchHeartbeat): ReadAt {
  const sampledAt = watchState.cursor?.at;
  if (problem !== undefined || sampledAt === undefined) return { begunAt };
  return { begunAt, sampledAt, isNew: sampledAt > (since?.at ?? 0) };
}

/** What the newest poll brought, for the report. */
export function pollOf({ soakStartedAt }: WatchInput, since: MetricCursor | null, seen: WatchHeartbeat): Poll {
  const { to: at, verdict, latest, problem, watchState } = seen;
  const to = watchState.cursor?.at ?? 0;
  const isNew = since !== null && to > since.at && since.at >= soakStartedAt;
  return {
    soakStartedAt,
    at,
    verdict,
    ...(isNew && latest ? { counted: { from: since.at, to, green: latest.green, blue: latest.blue } } : {}),
    ...(problem === undefined ? {} : { problem: problem.slice(0, LONGEST_PROBLEM) }),
  };
}

/** Counts as they are shown: what the runbook does not measure is null, not 0. */
export function measuredBy({ limits }: Runbook, { measuresLatency }: MetricSource): Measured {
  return (counts) => {
    const { requests, failed, slow, seconds } = counts;
    const timed = timedOf(counts);
    return {
      requests,
      failed,
      slow: limits.latency ? slow : null,
      ...(limits.latency && timed !== requests && { timed }),
      meanMs: !measuresLatency || timed <= 0 || seconds === 0 ? null : (seconds / timed) * 1_000,
    };
  };
}

export function add(sum: MeasuredCounts | undefined, { meanMs: _, ...more }: LiveCounts): MeasuredCounts {
  return sum ? addMeasured(sum, more) : more;
}
