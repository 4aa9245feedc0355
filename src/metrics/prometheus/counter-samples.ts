import { createHash } from 'node:crypto';
import type { Limits } from '../../judge/index.ts';
import type { NativeHistogram, RawSeries } from '../../prometheus/index.ts';
import type { Labels } from '../../promql/index.ts';
import { isBelow, isSame, refuseWithoutEnd } from '../bucket-ends.ts';
import type { Counters, Family, Histogram } from '../counters.ts';
import { failsBy } from '../failure.ts';
import { groupBy } from '../group-by.ts';
import type { Inspection, VersionSeries } from '../inspection.ts';
import type { Compared } from '../sides.ts';
import { type BucketEnds, endOf, nativeEnd, withinOf } from './buckets.ts';
import { countsRequests } from './count.ts';
import { doubledLabels } from './duplicates.ts';
import { PROCESS_START } from './queries.ts';
import type { Point, ProcessStart, Track } from './track.ts';
import type { VersionOf, VersionsOf } from './versions.ts';

/** Labels by which people tell apart two Prometheis that scrape the same. */
const REPLICA_LABELS = ['replica', 'prometheus_replica', '__replica__', 'rule_replica', 'receive_replica'];

export interface Tracks {
  readonly tracks: readonly Track[];
  readonly starts: readonly ProcessStart[];
  readonly slowAbove: Inspection['slowAbove'];
  readonly versions: Inspection['versions'];
  /** There are buckets of a version that `ends` does not know: ask anew where they end. */
  readonly incomplete: boolean;
}

/** @throws Error that names the metric when it lacks a label, or a bucket, or is there once for each of two Prometheis. */
export function toTracks(
  series: readonly RawSeries[],
  counters: Counters,
  { limits, ends, compared, versionsOf }: Known,
): Tracks {
  const named = (name: string) => series.filter(({ labels }) => labels['__name__'] === name);
  const requests = requestTracks(named, counters, versionsOf.requests);
  refuseReplicas(requests);
  const starts = named(PROCESS_START).flatMap(({ labels, samples }): ProcessStart[] => {
    const [first, last] = [samples[0], samples.at(-1)];
    return first && last ? [{ labels, startedAt: last.value * 1_000, scrapedSince: first.at }] : [];
  });
  const { latency } = counters;
  const describe = (natives: readonly Versioned[]) => describeVersions(requests, natives, { counters, ends, starts });
  if (!latency) return { tracks: requests, starts, slowAbove: [], versions: describe([]), incomplete: false };

  const { perSecond, metric } = latency;
  const how = { failed: counters.failed, versionOf: versionsOf.latency };
  const ofVersions = (name: string) => versioned(named(name), latency, how);
  const limit = (limits.latency?.underMs ?? 0) / 1_000;
  const seconds = ofVersions(`${metric}_sum`).map((one) =>
    track(one, {
      counts: 'seconds',
      points: asPoints(one.samples.map(({ at, value }) => point(at, value / perSecond))),
    }),
  );
  const slow = limits.latency ? slowTracks(ofVersions(`${metric}_bucket`), latency, { limit, ends, compared }) : [];
  const classic = new Set([...seconds, ...slow].map(({ labels }) => identity(labels)));
  // A target may show both kinds of the same histogram: the classic one's buckets were chosen by somebody.
  const native = ofVersions(metric)
    .filter(({ labels, histograms }) => histograms.length > 0 && !classic.has(identity(labels)))
    .map((one) => ({ ...one, histograms: one.histograms.map((histogram) => inSeconds(histogram, perSecond)) }));
  const nativeLimit = nativeLimits(native, { limit, ends, compared });
  const nativeTracks = native.flatMap((one) => [
    track(one, {
      counts: 'seconds',
      points: asPoints(one.histograms.map(({ at, sum }) => point(at, sum))),
    }),
    ...(limits.latency
      ? [
          track(one, {
            counts: 'slow',
            points: asPoints(
              one.histograms.map((each) => point(each.at, each.count, withinOf(each, nativeLimit(one.version)), 0)),
            ),
          }),
        ]
      : []),
  ]);
  const found = new Set(slow.map(({ version }) => version));
  return {
    tracks: [...requests, ...seconds, ...slow, ...nativeTracks],
    starts,
    slowAbove: limits.latency
      ? [
          ...[...ends.byVersion].flatMap(([version, end]) =>
            end !== undefined && found.has(version) ? [{ version, seconds: end }] : [],
          ),
          ...native.flatMap(({ version, histograms }) => {
            const newest = histograms.at(-1);
            return newest ? [{ version, seconds: nativeEnd(newest, nativeLimit(version)) }] : [];
          }),
        ]
      : [],
    versions: describe(native),
    incomplete: [...found].some((version) => !ends.available.has(version)),
  };
}

type Versioned = RawSeries & { readonly version: string; readonly target: string };

interface How {
  readonly failed: Counters['failed'];
  readonly versionOf: VersionOf;
}

interface Known {
  readonly limits: Limits;
  readonly ends: BucketEnds;
  readonly compared?: Compared | undefined;
  readonly versionsOf: VersionsOf;
}

function requestTracks(
  named: (name: string) => readonly RawSeries[],
  { requests, failed }: Counters,
  versionOf: VersionOf,
): Track[] {
  const isFailed = failed.by === 'label' ? failsBy(failed.rule) : () => failed.by === 'answered';
  const counted = versioned(countersNamed(named, requests.metric), requests, { failed, versionOf }).map((one) => {
    const code = failed.by === 'label' ? one.labels[failed.label] : '';
    if (code === undefined)
      throw new Error(
        `metric ${requests.metric} has no label "${failed.by === 'label' ? failed.label : ''}", which is to say whether a request failed: see metrics.codeLabel`,
      );
    return track(one, { counts: isFailed(code) ? 'failed' : 'requests', points: pointsOf(one) });
  });
  if (failed.by === 'label') return counted;
  const { by, metric } = failed;
  const second = versioned(named(metric), requests, { failed, versionOf }).map((one) =>
    track(one, { counts: by === 'failed' ? 'failedOnly' : 'answered', points: pointsOf(one) }),
  );
  return [...counted, ...second];
}

/** The count of a native histogram has no series of its own. */
function countersNamed(named: (name: string) => readonly RawSeries[], metric: string): readonly RawSeries[] {
  const own = named(metric);
  if (own.length > 0 || !metric.endsWith('_count')) return own;
  return named(metric.slice(0, -'_count'.length)).map(({ histograms, ...one }) => ({
    ...one,
    samples: histograms.map(({ at, count }) => ({ at, value: count })),
    histograms: [],
  }));
}

function pointsOf({ samples }: RawSeries): Point[] {
  return asPoints(samples.map(({ at, value }) => point(at, value)));
}

/** Both buckets of each histogram, at the times at which both were scraped: one alone would show slow requests. */
function slowTracks(
  buckets: readonly Versioned[],
  { metric, perSecond }: Histogram,
  { limit, ends, compared }: Boundaries,
): Track[] {
  const seen = new Set(buckets.map(({ version }) => version));
  const known = [...ends.available].flatMap(([version, own]): [string, number[][]][] =>
    seen.has(version) ? [[version, [[...own]]]] : [],
  );
  refuseWithoutEnd(metric, new Map(known), { limit, compared });
  const histograms = new Map<string, { one: Versioned; all: Map<number, number>; within: Map<number, number> }>();
  for (const one of buckets) {
    const key = identity(one.labels);
    const histogram = histograms.get(key) ?? { one, all: new Map(), within: new Map() };
    histograms.set(key, histogram);
    const end = endOf(one.labels['le']);
    const chosen = ends.byVersion.get(one.version);
    const isChosen = end !== undefined && chosen !== undefined && isSame(end / perSecond, chosen);
    const into = end === Number.POSITIVE_INFINITY ? histogram.all : isChosen ? histogram.within : undefined;
    for (const { at, value } of one.samples) into?.set(at, value);
  }
  return [...histograms.values()].map(({ one, all, within }) => {
    const end = ends.byVersion.get(one.version);
    const points = [...all].flatMap(([at, count]) => {
      const inside = within.get(at);
      return inside === undefined ? [] : [point(at, count, inside, end ?? 0)];
    });
    return track(one, { counts: 'slow', points: asPoints(points) });
  });
}

interface Boundaries {
  /** Seconds. */
  readonly limit: number;
  readonly ends: BucketEnds;
  readonly compared: Compared | undefined;
}

/**
 * Where a version's native histograms are divided. Those that are compared are divided at the same place: buckets of a
 * coarser histogram end where buckets of a finer one do, so going down from one to the next finds it.
 * @throws Error where the other version has classic buckets that do not end there.
 */
function nativeLimits(
  natives: readonly Versioned[],
  { limit, ends, compared }: Boundaries,
): (version: string) => number {
  const isCompared = (version: string) => version === compared?.blue || version === compared?.green;
  const newest = natives.flatMap(({ version, histograms }) => (isCompared(version) ? histograms.slice(-1) : []));
  const classic = [...ends.byVersion].find(([version]) => isCompared(version))?.[1];
  let common = classic ?? limit;
  for (let before = Number.POSITIVE_INFINITY; common < before; ) {
    before = common;
    for (const histogram of newest) common = nativeEnd(histogram, common);
  }
  if (classic !== undefined && newest.length > 0 && isBelow(common, classic))
    throw new Error(
      `blue and green cannot be compared: one has classic buckets, of which the largest usable ends at ${classic} s, and the ` +
        'native histogram of the other has no bucket that ends there',
    );
  return (version) => (isCompared(version) ? common : limit);
}

function inSeconds(histogram: NativeHistogram, perSecond: number): NativeHistogram {
  return {
    ...histogram,
    sum: histogram.sum / perSecond,
    buckets: histogram.buckets.map(({ from, to, count }) => ({ from: from / perSecond, to: to / perSecond, count })),
  };
}

function describeVersions(
  requests: readonly Track[],
  natives: readonly Versioned[],
  {
    counters: { failed },
    ends,
    starts,
  }: { readonly counters: Counters; readonly ends: BucketEnds; readonly starts: readonly ProcessStart[] },
): Record<string, VersionSeries> {
  const counted = requests.filter(countsRequests);
  const doubled = doubledLabels(counted, starts);
  const versions = groupBy(counted, ({ version }) => version);
  return Object.fromEntries(
    [...versions].map(([version, tracks]): [string, VersionSeries] => {
      const sent = tracks.filter(({ points }) => (points.at(-1)?.values[0] ?? 0) > 0);
      return [
        version,
        {
          size: tracks.length,
          statuses: failed.by === 'label' ? [...new Set(sent.map(({ labels }) => labels[failed.label] ?? ''))] : [],
          mixed: [], // metrics.selector says what belongs together
          doubled: doubled.get(version) ?? [],
          ends: ends.available.get(version) ?? [],
          hasNative: natives.some((one) => one.version === version),
        },
      ];
    }),
  );
}

function track({ labels, version, target }: Versioned, rest: Pick<Track, 'counts' | 'points'>): Track {
  const name = rest.counts === 'failed' ? 'requests' : rest.counts;
  return { ...rest, labels, version, target, key: digest(`${name} ${identity(labels)}`) };
}

/** The series that say which version they are about; what does not (a router's own traffic) is not counted. */
function versioned(series: readonly RawSeries[], { sides }: Family, { failed, versionOf }: How): Versioned[] {
  const code = failed.by === 'label' ? failed.label : '';
  const found = series.flatMap((one) => {
    const version = versionOf(one.labels);
    if (version === undefined) return [];
    const { job = '', instance } = one.labels;
    const { [code]: _, ...withoutCode } = one.labels;
    return [{ ...one, version, target: digest(instance === undefined ? identity(withoutCode) : `${job} ${instance}`) }];
  });
  const [first] = series;
  if (first && found.length === 0 && sides.missing !== undefined)
    throw new Error(
      `metric ${first.labels['__name__']} ${sides.missing}; its labels are ${versionOf.known(first.labels).join(', ')}`,
    );
  return found;
}

/** Every request would count twice, and chance would look like proof. */
function refuseReplicas(tracks: readonly Track[]): void {
  const seen = new Map<string, string>();
  for (const { labels } of tracks)
    for (const label of REPLICA_LABELS) {
      const value = labels[label];
      if (value === undefined) continue;
      const { [label]: _, ...rest } = labels;
      const key = `${label} ${identity(rest)}`;
      if (seen.has(key) && seen.get(key) !== value)
        throw new Error(
          `each request is counted twice, by two values of the label "${label}" on otherwise equal series: add one of ` +
            `them to metrics.selector, or let the server deduplicate by it`,
        );
      seen.set(key, value);
    }
}

/** All labels but those that tell the parts of one histogram apart. */
function identity(labels: Labels): string {
  const rest = Object.entries(labels).filter(([label]) => label !== 'le' && label !== '__name__');
  return JSON.stringify(rest.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** 60 bits: two of a few thousand counters meet by chance once in a hundred billion deployments. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 10);
}

function point(at: number, ...values: number[]): Point {
  return { at, values };
}

/** What are counts, in order: markers of staleness are NaN in some stores. */
function asPoints(points: readonly Point[]): Point[] {
  return points
    .filter(({ values }) => values.every((value) => Number.isFinite(value) && value >= 0))
    .sort((a, b) => a.at - b.at);
}
