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
import { instantQuery, listSeries, rangeQuery, rawSeries, type Server } from '../../../prometheus/index.ts';
import { formatSelector, type Labels, type Matcher } from '../../../promql/index.ts';
import { isBelow } from '../../bucket-ends.ts';
import { failureRule } from '../../failure.ts';
import { type BucketEnds, chooseEnds, NO_ENDS, refuseUnusable } from '../buckets.ts';
import { countSteps } from '../count.ts';
import { toTracks } from '../counter-samples.ts';
import { readSums } from '../increase.ts';
import { anyOf, bucketsOf, range, selectorOf } from '../queries.ts';
import type { PrometheusConfig } from '../schema.ts';
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
  /** Its selector takes only the version that is asked for, if one is. */
  readonly config: PrometheusConfig;
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
    readonly config: PrometheusConfig;
    readonly limits: Limits;
    readonly signal: AbortSignal;
    readonly progress?: (done: number) => void;
  },
): Promise<TrafficHistory> {
  const { version, from, to } = question;
  const { versionLabel, selector, requests } = known.config;
  const by = (operator: Matcher['operator'], value: string): Matcher => ({ label: versionLabel, operator, value });
  // The start of a process has no version.
  const ofVersion = version === undefined ? [] : [by('=~', `|${anyOf([version])}`)];
  const config = { ...known.config, selector: [...selector, ...ofVersion] };
  const name = formatSelector([
    { label: '__name__', operator: '=', value: requests },
    ...selector,
    version === undefined ? by('!=', '') : by('=', version),
  ]);
  const past: Past = { server, config, limits: known.limits, question, name, signal, progress };

  const found = await listSeries(server, { selector: selectorOf(config, known.limits, []), from, to }, signal);
  refuseWithoutSeries(found, past);
  const { intervals, notices } =
    found.length <= MOST_RAW_SERIES ? await readSamples(past, found) : await readIncreases(past, found.length);
  if (intervals.length === 0)
    throw new HistoryError(`${server.name} has too little of ${name} in this time: ask for more of it`);
  return { intervals, notices };
}

/** @throws HistoryError when there are no counters, or they do not show what failed or what was slow. */
function refuseWithoutSeries(found: readonly Labels[], past: Past): void {
  const { requests, latency, versionLabel, codeLabel } = past.config;
  const named = (name: string) =>
    found.filter((labels) => labels['__name__'] === name && (labels[versionLabel] ?? '') !== '');
  const counters = named(requests);
  const { name } = past;
  if (counters.length === 0)
    throw new HistoryError(
      `${past.server.name} has no series ${name} in this time: compare the metric, the labels and metrics.versionLabel with ` +
        'what it has',
    );
  if (counters.every((labels) => labels[codeLabel] === undefined))
    throw new HistoryError(`${name} has no label "${codeLabel}", which would show failed requests`);
  const rule = failureRule(past.config.failed);
  if (!counters.some((labels) => rule.knows(labels[codeLabel] ?? '')))
    throw new HistoryError(
      `the label "${codeLabel}" of ${name} does not hold ${rule.expected}, which would show failed requests: see metrics.failed`,
    );
  if (
    past.limits.latency &&
    latency !== undefined &&
    [`${latency}_bucket`, latency].every((one) => named(one).length === 0)
  )
    throw new HistoryError(
      `${past.server.name} has no histogram ${latency}, neither classic nor native, for this selector`,
    );
}

/** The samples of each counter: exact, and restarts are seen. */
async function readSamples(past: Past, found: readonly Labels[]): Promise<TrafficHistory> {
  const { server, config, limits, question, signal, progress } = past;
  const { from, to } = question;
  const natives = found.filter((labels) => labels['__name__'] === config.latency).length;
  const fittingMs = (SAMPLES_PER_ANSWER / (found.length + NATIVE_WEIGHT * natives)) * ASSUMED_SCRAPE_MS;
  const pieceMs = Math.min(LONGEST_PIECE_MS, 1_000 * Math.ceil(fittingMs / 1_000));
  const bins = openBins(question);
  const marks = new Map<string, readonly number[]>();
  const targetSince = new Map<string, number>();
  let ends = NO_ENDS;
  for (let at = from; at < to; at += pieceMs) {
    progress((at - from) / (to - from));
    const end = Math.min(to, at + pieceMs);
    ends = await readEnds(past, { from: at, to: end, before: ends });
    const promql = `${selectorOf(config, limits, ends.texts)}${range(end - at)}`;
    const { result } = await rawSeries(server, { promql, at: end }, signal);
    const known = ends;
    const { tracks } = asHistory(() => toTracks(result, config, { limits, ends: known }));
    for (const { target, points } of tracks) {
      const first = points[0]?.at ?? Number.POSITIVE_INFINITY;
      targetSince.set(target, Math.min(targetSince.get(target) ?? first, first));
    }
    countSteps(tracks, marks, {
      // A series that first appears at 7 on a target that is known holds 7 errors. A new target may have run for long.
      isBorn: ({ target }, first) => (targetSince.get(target) ?? first.at) < first.at,
      book: (step) => bins.add(step),
    });
  }
  return { intervals: bins.intervals(), notices: noticesOf(past, ends) };
}

async function readEnds(
  { server, config, limits, signal }: Past,
  { from, to, before }: { readonly from: number; readonly to: number; readonly before: BucketEnds },
): Promise<BucketEnds> {
  const { latency, versionLabel } = config;
  if (latency === undefined || !limits.latency) return NO_ENDS;
  const promql = bucketsOf({ ...config, latency }, to - from);
  const { result } = await instantQuery(server, { promql, at: to }, signal);
  const wanted = { versionLabel, latency, limit: limits.latency.underMs / 1_000 };
  const ends = chooseEnds(result, wanted, before);
  asHistory(() => refuseUnusable(ends, wanted));
  return ends;
}

/** What makes series useless is for a person to change. */
function asHistory<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new HistoryError(error instanceof Error ? error.message : String(error));
  }
}

function noticesOf({ config, limits }: Past, { byVersion }: BucketEnds): string[] {
  const limit = (limits.latency?.underMs ?? 0) / 1_000;
  return [...new Set(byVersion.values())]
    .filter((end) => isBelow(end, limit))
    .map((end) => `${config.latency} has no bucket that ends at ${limit} s: slow means over ${end} s instead.`);
}

/** Of many counters, what `increase()` says of each minute. */
async function readIncreases(past: Past, series: number): Promise<TrafficHistory> {
  const { server, config, limits, question, signal, progress } = past;
  const { from, to } = question;
  const stepMs = Math.max(question.stepMs, COARSE_MS);
  const intervals: HistoryInterval[] = [];
  let ends = NO_ENDS;
  for (let at = from; at < to; at += LONGEST_PIECE_MS) {
    progress((at - from) / (to - from));
    const end = Math.min(to, at + LONGEST_PIECE_MS);
    ends = await readEnds(past, { from: at, to: end, before: ends });
    const ask = (promql: string) => rangeQuery(server, { promql, from: at + stepMs, to: end, stepMs }, signal);
    for (const [time, versions] of await readSums(ask, { config, limits, ends }, stepMs)) {
      const { requests, failed, slow } = [...versions.values()].reduce(addCounts, NO_COUNTS);
      intervals.push({ from: time - stepMs, to: time, requests, failed, slow });
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
