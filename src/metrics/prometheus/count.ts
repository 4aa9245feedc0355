import type { MetricCursor } from '../../domain/index.ts';
import { addCounts, type FreshCounts, type MetricInterval, NO_COUNTS, type SeriesReading } from '../../plugin/index.ts';
import type { Labels } from '../../promql/index.ts';
import type { Point, ProcessStart, Track } from './track.ts';

/** A counter that was not seen for so long is gone for good: autoscaling would let the marks grow without end. */
const FORGET_MS = 6 * 3_600_000;

/** Where a counter stood when it was last counted: the time of that sample, epoch milliseconds, and its values. */
type Mark = readonly number[];

/** Where the next reading goes on. It holds no labels, which name hosts. */
export interface PrometheusCursor extends MetricCursor {
  /** By version: its newest sample, and the mark of each of its counters by the counter's key. */
  readonly versions: Readonly<Record<string, { readonly sampledAt: number; readonly marks: Record<string, Mark> }>>;
  /** There are too many counters to keep a mark of each: they are counted by `increase()`. */
  readonly approximate?: true;
}

/** What a counter rose by from one sample to the next. */
export interface Step {
  readonly track: Track;
  /** The times of the two samples, epoch milliseconds. A counter that counts from zero has no earlier one. */
  readonly from?: number;
  readonly to: number;
  readonly counts: FreshCounts;
  /** The counter of requests fell: its process restarted. */
  readonly restarted: boolean;
}

/**
 * Counts each counter's samples after its mark, one step a sample, and moves the mark. Samples up to a mark are not counted
 * again. A counter that fell counts from zero.
 * @param isBorn whether a counter without a mark counts from zero; otherwise its first sample is only where counting begins.
 */
export function countSteps(
  tracks: readonly Track[],
  marks: Map<string, Mark>,
  {
    hasDurations,
    isBorn,
    book,
  }: {
    /** Of any version: then a version without them has requests of which it is not known how long they took. */
    readonly hasDurations: boolean;
    readonly isBorn: (track: Track, first: Point) => boolean;
    readonly book: (step: Step) => void;
  },
): void {
  for (const track of tracks) {
    const [first] = track.points;
    if (!first) continue;
    let mark = marks.get(track.key) ?? (isBorn(track, first) ? [] : [first.at, ...first.values]);
    for (const { at, values } of track.points) {
      const [from, ...before] = mark;
      if (from !== undefined && at <= from) continue;
      const { risen, fell } = difference(before, values);
      book({
        track,
        ...(from !== undefined && { from }),
        to: at,
        counts: asCounts(track, risen, hasDurations),
        restarted: fell && countsRequests(track),
      });
      mark = [at, ...values];
    }
    marks.set(track.key, mark);
  }
}

export function countsRequests({ counts }: Track): boolean {
  return counts === 'requests' || counts === 'failed';
}

export function measuresDurations(tracks: readonly Track[]): boolean {
  return tracks.some(({ counts }) => counts === 'slow');
}

/** What a counter rose by. `timed` are those of which it is known whether they were `within` the limit. */
interface Rise {
  readonly all: number;
  readonly timed: number;
  readonly within: number;
}

/** `within` means something only beside another of the same bucket. */
function difference(
  before: readonly number[],
  now: readonly number[],
): { readonly risen: Rise; readonly fell: boolean } {
  const [all = 0, within = 0, end] = now;
  const [allBefore = 0, withinBefore = 0, endBefore] = before;
  const sameBucket = end === endBefore;
  const fell = all < allBefore || (sameBucket && end !== 0 && within < withinBefore);
  if (before.length === 0 || fell) return { risen: { all, timed: all, within }, fell };
  const risen = all - allBefore;
  const isKnown = sameBucket && within >= withinBefore;
  return { risen: { all: risen, timed: isKnown ? risen : 0, within: isKnown ? within - withinBefore : 0 }, fell };
}

function asCounts({ counts }: Track, { all, timed, within }: Rise, hasDurations: boolean): FreshCounts {
  const requests = { ...NO_COUNTS, requests: all, ...(hasDurations && { timed: 0 }) };
  switch (counts) {
    case 'requests':
      return requests;
    case 'failed':
      return { ...requests, failed: all };
    case 'failedOnly':
      return { ...NO_COUNTS, failed: all };
    case 'answered':
      return { ...NO_COUNTS, failed: -all };
    case 'slow':
      return { ...NO_COUNTS, slow: Math.max(0, timed - within), timed };
    case 'seconds':
      return { ...NO_COUNTS, seconds: all };
  }
}

interface Counted {
  readonly cursor: PrometheusCursor;
  /** Empty for the first reading, and where there is no newer sample. */
  readonly intervals: readonly MetricInterval[];
}

/**
 * What is new since a cursor; without one the newest samples are where counting begins. Pure.
 * @param everyMs after a gap, what was missed is in intervals as long as this.
 */
export function countSince(
  since: PrometheusCursor | null,
  { tracks, starts }: { readonly tracks: readonly Track[]; readonly starts: readonly ProcessStart[] },
  everyMs: number,
): Counted {
  const newest = Math.max(...tracks.filter(countsRequests).map(({ points }) => points.at(-1)?.at ?? 0), 0);
  if (since && newest <= since.at) return { cursor: since, intervals: [] };

  const versions: [string, PrometheusCursor['versions'][string]][] = [];
  const hasDurations = measuresDurations(tracks);
  const before = new Map(Object.entries(since?.versions ?? {}));
  const intervals = openIntervals({ from: since?.at ?? newest, to: newest, everyMs }, before.keys());
  for (const version of new Set([...before.keys(), ...tracks.map((track) => track.version)])) {
    const { sampledAt: sampledBefore = 0, marks: marksBefore = {} } = before.get(version) ?? {};
    const marks = new Map(Object.entries(marksBefore).filter(([, [at = 0]]) => newest - at < FORGET_MS));
    const own = tracks.filter((track) => track.version === version && track.points.length > 0);
    countSteps(own, marks, {
      hasDurations,
      isBorn: ({ labels }, first) => since !== null && !isOldButNew(labels, first.at, { since, starts }),
      book: (step) => intervals.add(step, countsRequests(step.track) && step.to > sampledBefore),
    });
    const samples = own.filter(countsRequests).map(({ points }) => points.at(-1)?.at ?? 0);
    versions.push([version, { sampledAt: Math.max(sampledBefore, ...samples), marks: Object.fromEntries(marks) }]);
  }
  return { cursor: { at: newest, versions: Object.fromEntries(versions) }, intervals: since ? intervals.all() : [] };
}

/** After a gap no more intervals than this; the first is as long as it has to be. */
const MOST_INTERVALS = 1_000;

interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly everyMs: number;
}

/** Sorts steps into intervals that end at `to`. One without any sample is a part of the next. */
function openIntervals({ from, to, everyMs }: Stretch, known: Iterable<string>) {
  const number = Math.min(MOST_INTERVALS, Math.max(1, Math.floor((to - from) / everyMs)));
  const firstEnd = to - (number - 1) * everyMs;
  const parts = Array.from({ length: number }, (_, index) => ({
    to: firstEnd + index * everyMs,
    counts: new Map<string, FreshCounts>(),
    restarted: new Map<string, Set<string>>(),
    reported: new Set<string>(),
  }));

  return {
    add({ track, to: at, counts, restarted }: Step, isReport: boolean): void {
      const { version, target } = track;
      const part = parts[Math.min(number - 1, Math.max(0, Math.ceil((at - firstEnd) / everyMs)))];
      if (!part) return;
      part.counts.set(version, addCounts(part.counts.get(version) ?? NO_COUNTS, counts));
      if (restarted) part.restarted.set(version, (part.restarted.get(version) ?? new Set()).add(target));
      if (isReport) part.reported.add(version);
    },

    all(): MetricInterval[] {
      const expected = new Set(known);
      const intervals: MetricInterval[] = [];
      for (const { to: end, counts, restarted, reported } of parts) {
        if (counts.size === 0) continue;
        intervals.push({
          from: intervals.at(-1)?.to ?? from,
          to: end,
          counts: Object.fromEntries(counts),
          restarted: Object.fromEntries([...restarted].map(([version, targets]) => [version, [...targets]])),
          absent: [...expected].filter((version) => !reported.has(version)),
        });
        for (const version of reported) expected.add(version);
      }
      return intervals;
    },
  };
}

/**
 * Its process ran before `since`, and nothing of it was scraped before this. What it counted before Prometheus found it
 * belongs to no soak. Any other counter that nobody saw before was born with its first requests, and those matter most.
 */
function isOldButNew(
  labels: Labels,
  firstAt: number,
  { since, starts }: { readonly since: MetricCursor; readonly starts: readonly ProcessStart[] },
): boolean {
  const own = starts.filter((start) =>
    Object.entries(start.labels).every(([label, value]) => label === '__name__' || labels[label] === value),
  );
  return own.length > 0 && own.every((start) => start.startedAt < since.at && start.scrapedSince >= firstAt);
}

/** By version: what its counters stand at. */
export function totalsOf(tracks: readonly Track[]): Record<string, SeriesReading> {
  const sums = new Map<string, FreshCounts>();
  const hasDurations = measuresDurations(tracks);
  for (const track of tracks) {
    const { values: [all = 0, within = 0] = [] } = track.points.at(-1) ?? {};
    const counts = asCounts(track, { all, timed: all, within }, hasDurations);
    if (track.points.length > 0) sums.set(track.version, addCounts(sums.get(track.version) ?? NO_COUNTS, counts));
  }
  return Object.fromEntries([...sums].map(([version, sum]) => [version, { version, ...sum }]));
}
