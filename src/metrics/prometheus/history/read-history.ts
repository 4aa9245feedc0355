import { HistoryError, type HistoryInterval, inWholeNumbers, type TrafficHistory } from '../../../plugin/index.ts';
import { type NativeHistogram, type RawSeries, rawSeries, type Server } from '../../../prometheus/index.ts';
import { formatSelector, type Matcher } from '../../../promql/index.ts';
import { ANSWERED_PROMQL, isFailed } from '../../status-codes.ts';
import { withinOf } from '../buckets.ts';
import { range } from '../queries.ts';
import { type Counted, type CountedSeries, openBins } from './bin-samples.ts';
import { type Counters, type CountersQuestion, findCounters } from './find-counters.ts';
import { increases } from './history-queries.ts';

/** Of more series the samples are not fetched one by one. */
const MOST_RAW_SERIES = 1_000;
/** About 10 MB of an answer. */
const SAMPLES_PER_ANSWER = 300_000;
/** Nobody scrapes much faster; if somebody does, answers are larger. */
const ASSUMED_SCRAPE_MS = 5_000;
const LONGEST_PIECE_MS = 6 * 3_600_000;
/** `increase()` returns nothing for a range with fewer than two samples: one minute holds four scrapes of 15 s. */
const COARSE_MS = 60_000;

/**
 * The past from a Prometheus, in bounded pieces. The samples themselves where they are few: then every count is exact;
 * `increase()` in steps of a minute where they are many, which a notice says.
 * @throws HistoryError when there is nothing for this selector; Error as `ask` does.
 */
export async function readHistory(
  server: Server,
  question: CountersQuestion,
  { signal, progress = () => {} }: { readonly signal: AbortSignal; readonly progress?: (done: number) => void },
): Promise<TrafficHistory> {
  const { from, to, stepMs, codeLabel } = question;
  const counters = await findCounters(server, question, signal);
  const { series, selectors, notices } = counters;
  const bounds = { signal, from, to, codeLabel, progress };
  const past =
    series <= MOST_RAW_SERIES
      ? { notices, intervals: await readSamples(server, counters, { ...bounds, stepMs }) }
      : await readIncreases(server, counters, { ...bounds, stepMs: Math.max(stepMs, COARSE_MS) });
  if (past.intervals.length === 0)
    throw new HistoryError(
      `${server.name} has too little of ${formatSelector(selectors.requests)} in this time: ask for more of it`,
    );
  return past;
}

interface Piece {
  readonly from: number;
  readonly to: number;
  readonly stepMs: number;
  readonly codeLabel: string;
  readonly signal: AbortSignal;
  readonly progress: (done: number) => void;
}

async function readSamples(
  server: Server,
  { selectors: { requests, all, within, native }, weight }: Counters,
  { from, to, stepMs, codeLabel, signal, progress }: Piece,
): Promise<HistoryInterval[]> {
  const fittingMs = (SAMPLES_PER_ANSWER / weight) * ASSUMED_SCRAPE_MS;
  const pieceMs = Math.min(LONGEST_PIECE_MS, 1_000 * Math.ceil(fittingMs / 1_000));
  const ledger = openBins({ from, to, stepMs });
  for (let at = from; at < to; at += pieceMs) {
    progress((at - from) / (to - from));
    const end = Math.min(to, at + pieceMs);
    const read = async (selector: readonly Matcher[] | undefined) =>
      selector
        ? (await rawSeries(server, { promql: `${formatSelector(selector)}${range(end - at)}`, at: end }, signal)).result
        : [];
    ledger.add([
      ...(await read(requests)).map((one) => counted(one, isFailed(one.labels[codeLabel] ?? '') ? BOTH : ['requests'])),
      ...(await read(all)).map((one) => counted(one, ['all'])),
      ...(await read(within)).map((one) => counted(one, ['within'])),
      ...(await read(native?.histogram)).flatMap((one) => nativeSeries(one, native?.limit ?? 0)),
    ]);
  }
  return ledger.intervals();
}

const BOTH = ['requests', 'failed'] as const;

function counted(series: RawSeries, counts: readonly Counted[]): CountedSeries {
  return { series, counts };
}

function nativeSeries({ labels, histograms }: RawSeries, limit: number): CountedSeries[] {
  const as = (name: Counted, valueOf: (histogram: NativeHistogram) => number) => {
    const samples = histograms.map((histogram) => ({ at: histogram.at, value: valueOf(histogram) }));
    return counted({ labels: { ...labels, le: name }, samples, histograms: [] }, [name]);
  };
  return [as('all', ({ count }) => count), as('within', (histogram) => withinOf(histogram, limit))];
}

async function readIncreases(
  server: Server,
  { selectors: { requests, all, within, native }, series, notices }: Counters,
  { from, to, stepMs, codeLabel, signal, progress }: Piece,
): Promise<TrafficHistory> {
  const failed: Matcher = { label: codeLabel, operator: '!~', value: ANSWERED_PROMQL };
  const intervals: HistoryInterval[] = [];
  for (let at = from; at < to; at += LONGEST_PIECE_MS) {
    progress((at - from) / (to - from));
    const piece = { from: at, to: Math.min(to, at + LONGEST_PIECE_MS), stepMs };
    const read = async (selector: readonly Matcher[] | undefined) =>
      selector ? increases(server, formatSelector(selector), piece, signal) : new Map<number, number>();
    const [n, x, total, quick] = [
      await read(requests),
      await read([...requests, failed]),
      await read(all),
      await read(within),
    ];
    for (const [end, count] of n)
      intervals.push({
        from: end - stepMs,
        to: end,
        requests: count,
        failed: x.get(end) ?? 0,
        slow: (total.get(end) ?? 0) - (quick.get(end) ?? 0),
      });
  }
  return {
    intervals: inWholeNumbers(intervals),
    notices: [
      ...notices,
      `${series} series are too many to fetch each sample: counts come from increase() over ${stepMs / 1_000} s, which ` +
        'extrapolates and misses the first failure of each new series.',
      ...(native ? ['Native histograms are read only from raw samples: slow requests are not rehearsed.'] : []),
    ],
  };
}
