import { HistoryError, type HistoryQuestion } from '../../../plugin/index.ts';
import type { Server } from '../../../prometheus/index.ts';
import { formatSelector, type Labels, type Matcher } from '../../../promql/index.ts';
import { isBelow, isSame, isWithin } from '../../bucket-ends.ts';
import { unitsPerSecond } from '../../duration-unit.ts';
import { isStatus } from '../../status-codes.ts';
import { anyOf } from '../queries.ts';
import { seriesOf } from './history-queries.ts';

/** What to read of which time. */
export interface CountersQuestion extends HistoryQuestion {
  readonly selector: readonly Matcher[];
  /** The counter of requests, and the histogram of durations. */
  readonly requests: string;
  readonly latency?: string;
  readonly versionLabel: string;
  readonly codeLabel: string;
  /** Requests over so many milliseconds are slow. */
  readonly slowOverMs?: number;
}

/** Its buckets make a native histogram as long as so many numbers. */
const NATIVE_WEIGHT = 40;

interface Selectors {
  readonly requests: readonly Matcher[];
  /** The histogram's count, and its bucket up to the limit; a native one has both in itself. */
  readonly all?: readonly Matcher[];
  readonly within?: readonly Matcher[];
  readonly native?: { readonly histogram: readonly Matcher[]; readonly limit: number };
}

export interface Counters {
  readonly selectors: Selectors;
  readonly series: number;
  /** How many numbers a scrape of them holds. */
  readonly weight: number;
  readonly notices: readonly string[];
}

/**
 * The counters that there are of what is asked for.
 * @throws HistoryError when there are none, or they cannot tell what is asked; Error as `ask` does.
 */
export async function findCounters(server: Server, question: CountersQuestion, signal: AbortSignal): Promise<Counters> {
  const { latency, slowOverMs, codeLabel, version, versionLabel } = question;
  const ofVersion: Matcher =
    version === undefined
      ? { label: versionLabel, operator: '!=', value: '' } // a router's own traffic has none
      : { label: versionLabel, operator: '=', value: version };
  const of = (metric: string, ...more: Matcher[]): Matcher[] => [
    { label: '__name__', operator: '=', value: metric },
    ...question.selector,
    ofVersion,
    ...more,
  ];
  const requests = of(question.requests);
  const found = await seriesOf(server, formatSelector(requests), question, signal);
  if (found.length === 0)
    throw new HistoryError(
      `${server.name} has no series ${formatSelector(requests)} in this time: compare the metric, the labels and ` +
        `metrics.versionLabel with what it has`,
    );
  if (found.every((labels) => labels[codeLabel] === undefined))
    throw new HistoryError(`${formatSelector(requests)} has no label "${codeLabel}", which would show failed requests`);
  if (!found.some((labels) => isStatus(labels[codeLabel] ?? '')))
    throw new HistoryError(
      `the label "${codeLabel}" of ${formatSelector(requests)} holds no HTTP status, which would show failed requests`,
    );
  if (latency === undefined || slowOverMs === undefined)
    return { selectors: { requests }, series: found.length, weight: found.length, notices: [] };

  const buckets = await seriesOf(server, formatSelector(of(`${latency}_bucket`)), question, signal);
  if (buckets.length === 0) {
    const native = await seriesOf(server, formatSelector(of(latency)), question, signal);
    if (native.length === 0)
      throw new HistoryError(
        `${server.name} has no histogram ${latency}, neither classic nor native, for this selector`,
      );
    return {
      selectors: {
        requests,
        native: { histogram: of(latency), limit: (slowOverMs / 1_000) * unitsPerSecond(latency) },
      },
      series: found.length + native.length,
      weight: found.length + NATIVE_WEIGHT * native.length,
      notices: [],
    };
  }
  const histograms = Math.ceil(buckets.length / new Set(buckets.map(({ le }) => le)).size);
  const series = found.length + 2 * histograms;
  const { ends, notices } = bucketWithin(buckets, latency, slowOverMs / 1_000);
  return {
    selectors: {
      requests,
      all: of(`${latency}_count`),
      within: of(`${latency}_bucket`, { label: 'le', operator: '=~', value: anyOf(ends) }),
    },
    series,
    weight: series,
    notices,
  };
}

/** The largest bucket within the limit, as its ends are written: 1, 1.0. */
function bucketWithin(buckets: readonly Labels[], latency: string, limit: number) {
  const texts = [...new Set(buckets.flatMap(({ le }) => (le === undefined ? [] : [le])))];
  const perSecond = unitsPerSecond(latency);
  const within = texts.map((text) => Number(text) / perSecond).filter((end) => isWithin(end, limit));
  if (within.length === 0)
    throw new HistoryError(`histogram ${latency} has no bucket at or below the latency limit of ${limit} s`);
  const end = Math.max(...within);
  return {
    ends: texts.filter((text) => isSame(Number(text) / perSecond, end)),
    notices: isBelow(end, limit)
      ? [`${latency} has no bucket that ends at ${limit} s: slow means over ${end} s instead.`]
      : [],
  };
}
