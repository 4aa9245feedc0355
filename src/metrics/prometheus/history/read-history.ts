import type { Limits } from '../../../judge/index.ts';
import {
  addCounts,
  HistoryError,
  type HistoryInterval,
  type HistoryQuestion,
  inWholeNumbers,
  NO_COUNTS,
  type TrafficHistory,
} from '../../../plugin/index.ts';
import {
  instantQuery,
  listSeries,
  type RawSeries,
  rangeQuery,
  rawSeries,
  type Server,
} from '../../../prometheus/index.ts';
import type { Labels } from '../../../promql/index.ts';
import { messageOf } from '../../../util/index.ts';
import { isBelow } from '../../bucket-ends.ts';
import type { Counters, Family } from '../../counters.ts';
import { EVERY_VERSION } from '../../sides.ts';
import { type BucketEnds, chooseEnds, NO_ENDS, refuseUnusable } from '../buckets.ts';
import { countSteps, measuresDurations } from '../count.ts';
import { toTracks } from '../counter-samples.ts';
import { readSums } from '../increase.ts';
import { bucketsOf, range, selectorsOf, seriesOf } from '../queries.ts';
import { readVersions, type VersionOf } from '../versions.ts';
import { openBins } from './bin-steps.ts';

/** Of more series the samples are not fetched one by one. */
const MOST_RAW_SERIES = 1_000;
/** Its buckets make a native histogram as long as so many numbers. */
const NATIVE_WEIGHT = 40;
/** About 10 MB of an answer. */
const SAMPLES_PER_ANSWER = 300_000;
/** Nobody scrapes much faster; if somebody does, answers are larger. */
const ASSUMED_SCRAPE_MS = 5_000;
const LONGEST_PIECE_MS = 6 * 3_600_000;
/** `increase()` returns nothing for a range with fewer than two samples: one minute holds four scrapes of 15 s. */
const COARSE_MS = 60_000;

interface Past {
  readonly server: Server;
  /** Their selectors take only the version that is asked for, if one is, as far as they can. */
  readonly counters: Counters;
  readonly limits: Limits;
  readonly question: HistoryQuestion;
  /** The counters of requests, as messages name them. */
  readonly name: string;
  readonly signal: AbortSignal;
  readonly progress: (done: number) => void;
}

/**
 * The past from a Prometheus, in bounded pieces, counted as the watch counts. Where there are many series, `increase()` in
 * steps of a minute counts, which a notice says.
 * @throws HistoryError when there is nothing for this selector, or it cannot be judged; Error as `request` does.
 */
export async function readHistory(
  server: Server,
  question: HistoryQuestion,
  {
    signal,
    progress = () => {},
    ...known
  }: {
    readonly counters: Counters;
    readonly limits: Limits;
    readonly signal: AbortSignal;
    readonly progress?: (done: number) => void;
  },
): Promise<TrafficHistory> {
  const { version, from, to } = question;
  const narrowed = <One extends Family>(family: One): One => {
    const { sides, selector, join } = family;
    if (version === undefined) return sides.isOpen ? { ...family, sides: EVERY_VERSION } : family;
    return join ? family : { ...family, selector: [...selector, ...sides.matchersOf(version)] };
  };
  const { requests, latency } = known.counters;
  const counters: Counters = {
    ...known.counters,
    requests: narrowed(requests),
    ...(latency && { latency: narrowed(latency) }),
  };
  const name = seriesOf(counters.requests, requests.metric);
  const past: Past = { server, counters, limits: known.limits, question, name, signal, progress };

  const found: Labels[] = [];
  for (const selector of selectorsOf(counters, known.limits, []))
    found.push(...(await listSeries(server, { selector, from, to }, signal)));
  refuseWithoutSeries(found, past);
  const { intervals, notices } =
    found.length <= MOST_RAW_SERIES ? await readSamples(past, found) : await readIncreases(past, found.length);
  if (intervals.length === 0)
    throw new HistoryError(`${server.name} has too little of ${name} in this time: ask for more of it`);
  return { intervals, notices };
}

/** @throws HistoryError when there are no counters, or they do not show what failed or what was slow. */
function refuseWithoutSeries(found: readonly Labels[], past: Past): void {
  const { requests, failed, latency } = past.counters;
  const named = (name: string) => found.filter((labels) => labels['__name__'] === name);
  const counters = named(requests.metric);
  const { name } = past;
  if (counters.length === 0)
    throw new HistoryError(
      `${past.server.name} has no series ${name} in this time: compare the metric, the labels and metrics.versionLabel with ` +
        'what it has',
    );
  if (failed.by === 'label') {
    const { label, rule } = failed;
    if (counters.every((labels) => labels[label] === undefined))
      throw new HistoryError(`${name} has no label "${label}", which would show failed requests`);
    if (!counters.some((labels) => rule.knows(labels[label] ?? '')))
      throw new HistoryError(
        `the label "${label}" of ${name} does not hold ${rule.expected}, which would show failed requests: see metrics.failed`,
      );
  }
  if (
    past.limits.latency &&
    latency &&
    [`${latency.metric}_bucket`, latency.metric].every((one) => named(one).length === 0)
  )
    throw new HistoryError(
      `${past.server.name} has no histogram ${latency.metric}, neither classic nor native, for this selector`,
    );
}

/** The samples of each counter: exact, and restarts are seen. */
async function readSamples(past: Past, found: readonly Labels[]): Promise<TrafficHistory> {
  const { server, counters, limits, question, signal, progress } = past;
  const { from, to, version } = question;
  const natives = found.filter((labels) => labels['__name__'] === counters.latency?.metric).length;
  const fittingMs = (SAMPLES_PER_ANSWER / (found.length + NATIVE_WEIGHT * natives)) * ASSUMED_SCRAPE_MS;
  const pieceMs = Math.min(LONGEST_PIECE_MS, 1_000 * Math.ceil(fittingMs / 1_000));
  const bins = openBins(question);
  const marks = new Map<string, readonly number[]>();
  const targetSince = new Map<string, number>();
  let ends = NO_ENDS;
  for (let at = from; at < to; at += pieceMs) {
    progress((at - from) / (to - from));
    const end = Math.min(to, at + pieceMs);
    const samplesOf = async (selector: string) =>
      (await rawSeries(server, { promql: `${selector}${range(end - at)}`, at: end }, signal)).result;
    const versionsOf = await readVersions(counters, samplesOf);
    ends = await readEnds(past, { from: at, to: end, before: ends, versionOf: versionsOf.latency });
    const result: RawSeries[] = [];
    for (const selector of selectorsOf(counters, limits, ends.texts)) result.push(...(await samplesOf(selector)));
    const known = { limits, ends, versionsOf };
    const all = asHistory(() => toTracks(result, counters, known)).tracks;
    const tracks = version === undefined ? all : all.filter((track) => track.version === version);
    for (const { target, points } of tracks) {
      const first = points[0]?.at ?? Number.POSITIVE_INFINITY;
      targetSince.set(target, Math.min(targetSince.get(target) ?? first, first));
    }
    countSteps(tracks, marks, {
      hasDurations: measuresDurations(all),
      // A series that first appears at 7 on a target that is known holds 7 errors. A new target may have run for long.
      isBorn: ({ target }, first) => (targetSince.get(target) ?? first.at) < first.at,
      book: (step) => bins.add(step),
    });
  }
  return { intervals: bins.intervals(), notices: noticesOf(past, ends) };
}

async function readEnds(
  { server, counters, limits, signal }: Past,
  {
    from,
    to,
    before,
    versionOf,
  }: { readonly from: number; readonly to: number; readonly before: BucketEnds; readonly versionOf: VersionOf },
): Promise<BucketEnds> {
  const { latency } = counters;
  if (!latency || !limits.latency) return NO_ENDS;
  const promql = bucketsOf(latency, to - from);
  const { result } = await instantQuery(server, { promql, at: to }, signal);
  const wanted = { versionOf, latency, limit: limits.latency.underMs / 1_000 };
  const ends = chooseEnds(result, wanted, before);
  asHistory(() => refuseUnusable(ends, wanted));
  return ends;
}

/** What makes series useless is for a person to change. */
function asHistory<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new HistoryError(messageOf(error));
  }
}

function noticesOf({ counters, limits }: Past, { byVersion }: BucketEnds): string[] {
  const limit = (limits.latency?.underMs ?? 0) / 1_000;
  return [...new Set(byVersion.values())]
    .filter((end) => isBelow(end, limit))
    .map(
      (end) => `${counters.latency?.metric} has no bucket that ends at ${limit} s: slow means over ${end} s instead.`,
    );
}

/** Of many counters, what `increase()` says of each minute. */
async function readIncreases(past: Past, series: number): Promise<TrafficHistory> {
  const { server, counters, limits, question, signal, progress } = past;
  const { from, to, version } = question;
  const stepMs = Math.max(question.stepMs, COARSE_MS);
  const intervals: HistoryInterval[] = [];
  let ends = NO_ENDS;
  for (let at = from; at < to; at += LONGEST_PIECE_MS) {
    progress((at - from) / (to - from));
    const end = Math.min(to, at + LONGEST_PIECE_MS);
    const infos = async (selector: string) =>
      (await rawSeries(server, { promql: `${selector}${range(end - at)}`, at: end }, signal)).result;
    const versionsOf = await readVersions(counters, infos);
    ends = await readEnds(past, { from: at, to: end, before: ends, versionOf: versionsOf.latency });
    const ask = (promql: string) => rangeQuery(server, { promql, from: at + stepMs, to: end, stepMs }, signal);
    for (const [time, versions] of await readSums(ask, { counters, limits, ends, versionsOf }, stepMs)) {
      const asked = version === undefined ? [...versions.values()] : [versions.get(version) ?? NO_COUNTS];
      const { seconds: _, ...counts } = asked.reduce(addCounts, NO_COUNTS);
      intervals.push({ from: time - stepMs, to: time, ...counts });
    }
  }
  return {
    intervals: inWholeNumbers(intervals.sort((a, b) => a.to - b.to)),
    notices: [
      ...noticesOf(past, ends),
      `${series} series are too many to fetch each sample: counts come from increase() over ${stepMs / 1_000} s, which ` +
        'extrapolates and misses the first failure of each new series.',
    ],
  };
}
