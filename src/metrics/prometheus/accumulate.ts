import type { Reading, SeriesReading } from '../../plugin/index.ts';
import type { Labels } from '../../promql/index.ts';
import type { ProcessStart, Track } from './track.ts';

/** A counter that was not seen for so long is gone for good: autoscaling would let the marks grow without end. */
const FORGET_MS = 6 * 3_600_000;

type Sums = Omit<SeriesReading, 'version' | 'marks' | 'restarts' | 'sampledAt'>;
const NONE = { requests: 0, failed: 0, slow: 0, seconds: 0 } satisfies Sums;

/**
 * The reading that follows `since`: its counts and what each counter rose by after its mark, sample by sample, so that
 * every restart is seen that a scrape saw. The sums themselves never fall, whichever targets come and go. Idempotent:
 * samples up to a mark are not counted again. Pure.
 */
export function fold(since: Reading | null, tracks: readonly Track[], starts: readonly ProcessStart[]): Reading {
  const requests = tracks.filter(({ counts }) => counts === 'requests' || counts === 'failed');
  const newest = Math.max(...requests.map(({ points }) => points.at(-1)?.at ?? 0), 0);
  if (since && newest <= since.at) return since;

  interface Version {
    sums: Sums;
    readonly marks: Map<string, readonly number[]>;
    readonly restarts: Readonly<Record<string, number>>;
    /** Once each, however many of its counters fell. */
    readonly restarted: Set<string>;
    sampledAt: number;
  }
  const versions = new Map<string, Version>();
  for (const { version, marks = {}, restarts = {}, sampledAt = 0, ...sums } of Object.values(since?.series ?? {})) {
    const kept = Object.entries(marks).filter(([, [at = 0]]) => newest - at < FORGET_MS);
    versions.set(version, { sums, marks: new Map(kept), restarts, restarted: new Set(), sampledAt });
  }
  for (const track of tracks) {
    const last = track.points.at(-1);
    if (!last) continue;
    const version = versions.get(track.version) ?? {
      sums: NONE,
      marks: new Map<string, readonly number[]>(),
      restarts: {},
      restarted: new Set<string>(),
      sampledAt: 0,
    };
    const mark = version.marks.get(track.key);
    const risen = since ? rise(track.points, baseOf(track, mark, { since, starts })) : last.values;
    version.sums = plus(version.sums, track.counts, risen);
    if (mark && hasRestarted(track, mark)) version.restarted.add(track.target);
    if (mark === undefined || last.at > (mark[0] ?? 0)) version.marks.set(track.key, [last.at, ...last.values]);
    if (requests.includes(track)) version.sampledAt = Math.max(version.sampledAt, last.at);
    versions.set(track.version, version);
  }
  const series = [...versions].map(
    ([version, { sums, marks, restarts, restarted, sampledAt }]): [string, SeriesReading] => {
      const all = { ...restarts };
      for (const target of restarted) all[target] = (all[target] ?? 0) + 1;
      const some = Object.keys(all).length > 0 ? { restarts: all } : {};
      return [version, { version, ...sums, sampledAt, marks: Object.fromEntries(marks), ...some }];
    },
  );
  return { at: newest, series: Object.fromEntries(series) };
}

function hasRestarted({ counts, points }: Track, [at = 0, ...values]: readonly number[]): boolean {
  if (counts === 'slow' || counts === 'seconds') return false;
  let [before = 0] = values;
  return points.some((point) => {
    if (point.at <= at) return false;
    const [now = 0] = point.values;
    const less = now < before;
    before = now;
    return less;
  });
}

interface Base {
  /** Samples up to here are counted. */
  readonly at: number;
  readonly values: readonly number[];
}

/** From where a counter is counted. */
function baseOf(
  { points, labels }: Track,
  mark: readonly number[] | undefined,
  { since, starts }: { readonly since: Reading; readonly starts: readonly ProcessStart[] },
): Base {
  if (mark) return { at: mark[0] ?? 0, values: mark.slice(1) };
  const [first] = points;
  // A counter that nobody saw before was born with its first requests, and those are the ones that matter most. But
  // what an old process counted before Prometheus found it belongs to no soak.
  if (first && isOldButNew(labels, first.at, { since, starts })) return first;
  return { at: Number.NEGATIVE_INFINITY, values: [] };
}

/** Its process ran before `since`, and nothing of it was scraped before this. */
function isOldButNew(
  labels: Labels,
  firstAt: number,
  { since, starts }: { readonly since: Reading; readonly starts: readonly ProcessStart[] },
): boolean {
  const own = starts.filter((start) =>
    Object.entries(start.labels).every(([label, value]) => label === '__name__' || labels[label] === value),
  );
  return own.length > 0 && own.every((start) => start.startedAt < since.at && start.scrapedSince >= firstAt);
}

/** What the values rose by after the base, over all restarts between the samples. */
function rise(points: Track['points'], base: Base): readonly number[] {
  let before = base.values;
  let [sum, within] = [0, 0];
  for (const { at, values } of points) {
    if (at <= base.at) continue;
    const [first, second] = step(before, values);
    [sum, within, before] = [sum + first, within + second, values];
  }
  return [sum, within];
}

/** `within` says something only beside another of the same bucket; otherwise the step shows no slow request. */
function step(before: readonly number[], now: readonly number[]): readonly [number, number] {
  const [first = 0, within = 0, end] = now;
  const [firstBefore = 0, withinBefore = 0, endBefore] = before;
  const sameBucket = end === endBefore;
  const fell = first < firstBefore || (sameBucket && end !== 0 && within < withinBefore);
  if (before.length === 0 || fell) return [first, within];
  const risen = first - firstBefore;
  return [risen, sameBucket && within >= withinBefore ? within - withinBefore : risen];
}

function plus(sums: Sums, counts: Track['counts'], [first = 0, within = 0]: readonly number[]): Sums {
  switch (counts) {
    case 'requests':
      return { ...sums, requests: sums.requests + first };
    case 'failed':
      return { ...sums, requests: sums.requests + first, failed: sums.failed + first };
    case 'slow':
      return { ...sums, slow: sums.slow + Math.max(0, first - within) };
    case 'seconds':
      return { ...sums, seconds: sums.seconds + Math.max(0, first) };
  }
}
