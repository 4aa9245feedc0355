import type { DeploymentReport, MeasuredCounts } from '../domain/index.ts';
import { addCounts, timedOf, type Verdict } from '../judge/index.ts';

/** The numbers of soaks over time: from the polls that workers kept, or from finished windows where they kept none. Pure. */

/** Requests of one version in an interval; the mean of their durations in milliseconds where it was measured. */
export type PointCounts = MeasuredCounts & { readonly meanMs?: number | null };

/** What one poll of a watch brought: one line of a worker's file. */
export interface Poll {
  /** When the soak began, which names it within its deployment. */
  readonly soakStartedAt: number;
  readonly at: number;
  readonly verdict: Verdict;
  /** What was counted since the poll before. Missing where nothing new could be read. */
  readonly counted?: {
    readonly from: number;
    readonly to: number;
    readonly green: PointCounts;
    readonly blue: PointCounts;
  };
  /** Why the poll brought nothing, if so. */
  readonly problem?: string;
}

export interface SeriesPoint {
  readonly from: number;
  readonly to: number;
  readonly green: PointCounts;
  readonly blue: PointCounts;
  readonly verdict: Verdict;
}

interface Gap {
  readonly from: number;
  readonly to: number;
}

/** One soak, with all that is known of it and all that is not. */
export interface SoakSeries {
  readonly percentage: number;
  readonly startedAt: number;
  readonly endedAt: number;
  /** `polls`: as a worker saw it; `windows`: the finished windows, all that the history has; `nothing`. */
  readonly from: 'polls' | 'windows' | 'nothing';
  /** In order, never overlapping. */
  readonly points: readonly SeriesPoint[];
  /** Where no counts are kept. */
  readonly missing: readonly Gap[];
  /** Where nobody read the metrics, and the reading afterwards counted that time. */
  readonly unread: readonly Gap[];
  /** Polls that brought nothing, and why the last of them did not. */
  readonly failedPolls: number;
  readonly lastProblem?: string;
}

/** So many points of a soak tell all that a chart can show. */
export const MOST_POINTS = 240;
/** Windows follow each other with the time it takes to schedule the next one. */
const BETWEEN_WINDOWS_MS = 2_000;

/** The series of every soak in the report. `polls` may come in any order, twice, and with some missing. */
export function seriesOf(report: DeploymentReport, polls: readonly Poll[]): SoakSeries[] {
  return report.steps.map((step, index) => {
    const { percentage, shiftedAt: startedAt } = step;
    const due = endOf(report, index);
    const own = polls.filter(({ soakStartedAt }) => soakStartedAt === startedAt);
    const seen = withoutOverlaps(
      own.flatMap((poll) => (poll.counted ? [{ ...poll.counted, verdict: poll.verdict }] : [])),
    );
    const windows = withoutOverlaps(
      step.windows.map(({ from, to, green, blue, verdict }) => ({ from, to, green, blue, verdict })),
    );
    // It is watched on while a freeze holds the next shift, and what was read during the rollback is none of the soak's.
    const until = report.steps[index + 1]?.shiftedAt ?? due;
    const points = (seen.length > 0 ? seen : windows).filter(({ from }) => from < until);
    const endedAt = Math.max(due, Math.min(until, points.at(-1)?.to ?? due));
    const problems = own.filter(({ problem }) => problem !== undefined);
    const lastProblem = problems.reduce<Poll | undefined>(
      (last, one) => (last && last.at > one.at ? last : one),
      undefined,
    );
    return {
      percentage,
      startedAt,
      endedAt,
      from: seen.length > 0 ? 'polls' : windows.length > 0 ? 'windows' : 'nothing',
      points: thinned(points, MOST_POINTS),
      missing: gapsIn(points, { from: startedAt, to: endedAt }),
      unread: unreadIn(seen.filter(({ from }) => from >= startedAt)),
      failedPolls: problems.length,
      ...(lastProblem?.problem === undefined ? {} : { lastProblem: lastProblem.problem }),
    };
  });
}

/** A soak is watched until the next shift begins, or the rollback, or the end. */
function endOf({ steps, rollback, endedAt }: DeploymentReport, index: number): number {
  const { gate, provenAt } = steps[index] ?? {};
  if (index < steps.length - 1) return gate?.passedAt ?? provenAt ?? steps[index + 1]?.shiftedAt ?? endedAt;
  return rollback?.detectedAt ?? endedAt;
}

/** What overlaps with what was there first, the same interval counted by two workers, is left out. */
function withoutOverlaps(points: readonly SeriesPoint[]): SeriesPoint[] {
  const kept: SeriesPoint[] = [];
  for (const point of points.filter(({ from, to }) => to > from).toSorted((a, b) => a.from - b.from || a.to - b.to))
    if (point.from >= (kept.at(-1)?.to ?? Number.NEGATIVE_INFINITY)) kept.push(point);
  return kept;
}

/** Counters go on while no worker lives: the interval of the next reading is longer than usual. */
function unreadIn(points: readonly SeriesPoint[]): Gap[] {
  const usual = usualLength(points);
  return points
    .filter(({ from, to }) => to - from > Math.max(2 * usual, usual + BETWEEN_WINDOWS_MS))
    .map(({ from, to }) => ({ from, to }));
}

function usualLength(points: readonly SeriesPoint[]): number {
  const lengths = points.map(({ from, to }) => to - from).toSorted((a, b) => a - b);
  return lengths[Math.floor(lengths.length / 2)] ?? 0;
}

/** At both ends a poll, or a window, may be on its way: that is no gap. */
function gapsIn(points: readonly SeriesPoint[], soak: Gap): Gap[] {
  const usual = usualLength(points);
  const gaps: Gap[] = [];
  let seenTo = soak.from;
  for (const { from, to } of points) {
    if (from - seenTo > BETWEEN_WINDOWS_MS) gaps.push({ from: seenTo, to: from });
    seenTo = to;
  }
  if (soak.to - seenTo > Math.max(BETWEEN_WINDOWS_MS, 2 * usual)) gaps.push({ from: seenTo, to: soak.to });
  return gaps;
}

/** Neighbours added up, so that no request is lost; what lies on both sides of a gap stays apart. */
export function thinned(points: readonly SeriesPoint[], most: number): SeriesPoint[] {
  const together = Math.ceil(points.length / most);
  if (together <= 1) return [...points];
  const kept: SeriesPoint[] = [];
  let inLast = 0;
  for (const point of points) {
    const last = kept.at(-1);
    if (last && inLast < together && point.from === last.to) {
      kept[kept.length - 1] = both(last, point);
      inLast += 1;
    } else {
      kept.push(point);
      inLast = 1;
    }
  }
  return kept;
}

const WORST_LAST: readonly Verdict[] = ['healthy', 'inconclusive', 'breached'];

function both(first: SeriesPoint, second: SeriesPoint): SeriesPoint {
  const verdicts = [first.verdict, second.verdict];
  return {
    from: first.from,
    to: second.to,
    green: sum(first.green, second.green),
    blue: sum(first.blue, second.blue),
    verdict: WORST_LAST.findLast((verdict) => verdicts.includes(verdict)) ?? second.verdict,
  };
}

function sum(a: PointCounts, b: PointCounts): PointCounts {
  const known = [a, b].filter((one) => typeof one.meanMs === 'number' && timedOf(one) > 0);
  const weight = known.reduce((total, one) => total + timedOf(one), 0);
  const meanMs = known.reduce((total, one) => total + (one.meanMs ?? 0) * timedOf(one), 0) / weight;
  return { ...addMeasured(a, b), ...(weight > 0 ? { meanMs } : {}) };
}

export function addMeasured(a: MeasuredCounts, b: MeasuredCounts): MeasuredCounts {
  const total = addCounts({ ...a, slow: a.slow ?? 0 }, { ...b, slow: b.slow ?? 0 });
  return { ...total, slow: a.slow === null || b.slow === null ? null : total.slow };
}

/** All of these points together. */
export function totalOf(points: readonly SeriesPoint[], version: 'green' | 'blue'): PointCounts {
  const [first = { requests: 0, failed: 0, slow: null }, ...others] = points.map((point) => point[version]);
  return others.reduce(sum, first);
}
