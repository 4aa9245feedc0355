import type { MetricCursor } from '../domain/index.ts';
import type { Counts } from '../judge/index.ts';
import type { HistoryQuestion, TrafficHistory } from './history.ts';
import type { Problem } from './observation.ts';

/** Counts of requests, and the sum of their durations in seconds, for the mean. */
export type FreshCounts = Counts & { readonly seconds: number };

/** What was counted after `from` and up to `to`, epoch milliseconds. */
export interface MetricInterval {
  readonly from: number;
  readonly to: number;
  /** By version. A version that is not here got no request, or is in `absent`. */
  readonly counts: Readonly<Record<string, FreshCounts>>;
  /** By version: the targets whose process restarted in it. */
  readonly restarted?: Readonly<Record<string, readonly string[]>>;
  /** Versions that did not report, though they did before: their counts are missing, which is not 0. */
  readonly absent?: readonly string[];
}

export interface MetricReading {
  /** Where the next reading goes on. As JSON at most 256 KB: it is kept in heartbeats and in the history. */
  readonly cursor: MetricCursor;
  /**
   * What is new since the cursor that was given, oldest first, without gaps and overlaps: each request is in exactly one of
   * them. Empty where there is nothing newer, and in the first reading, which only says where to count from.
   */
  readonly intervals: readonly MetricInterval[];
  /** Seconds over which requests counted as slow, where that is not the runbook's limit but stricter. */
  readonly slowOver?: number;
  /** The counts are extrapolated: a few requests may be missing. */
  readonly approximate?: true;
}

/** What a source knows of itself beyond counts: for the check that a release can be watched with it. */
export interface MetricInspection extends MetricReading {
  /** What keeps these metrics from being judged, and what to do about it. */
  readonly problems: readonly Problem[];
  /** The requests of each series so far, since whenever it counts. */
  readonly series: Readonly<Record<string, { readonly version: string; readonly requests: number }>>;
  /** Seconds over which a version's requests count as slow; several where its histograms have different buckets. */
  readonly slowAbove: readonly { readonly version: string; readonly seconds: number }[];
  /** What else there is to know of a version's series, for people: `{ version, what: 'code', is: '200, 503 (failed)' }`. */
  readonly facts?: readonly { readonly version: string; readonly what: string; readonly is: string }[];
  /** The clock of each place that was read, against this worker's; `aheadMs` is missing where it is not known. */
  readonly clocks: readonly { readonly place: string; readonly aheadMs?: Range }[];
}

/** At least and at most. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

/** The port through which requests are counted. */
export interface MetricSource {
  /** How often it has fresh data, in milliseconds; 0 where each reading is of the moment. */
  readonly freshEveryMs: number;
  /** Whether slow requests are counted. */
  readonly measuresLatency: boolean;
  /**
   * Failed and slow requests have counters of their own, which are not read at quite the same moment: an interval may have a few
   * more of them than requests, or less than 0. The next one makes up for it. Without this, such counts are refused.
   */
  readonly countersApart?: true;
  /**
   * Counts what is new since a cursor, which may come from another worker, before a restart, or long ago. `null`: counts
   * nothing and says where to begin. May be called as often as wanted.
   * @throws ApplicationFailure `MetricsUnavailable`, retryable, that names what could not be read and why: half of the counts
   *   would look like lost traffic. The signal's reason when that aborts.
   */
  read(since: MetricCursor | null, signal: AbortSignal): Promise<MetricReading>;
  /**
   * Reads once and returns more. Counts that are not true, for which `read` throws, are in `problems`. @throws as `read` where
   * nothing can be read.
   */
  inspect?(since: MetricCursor | null, signal: AbortSignal): Promise<MetricInspection>;
  /** What was counted in the past, for `rehearse`. @throws HistoryError where there is nothing usable. */
  history?(
    question: HistoryQuestion,
    context: { readonly signal: AbortSignal; readonly progress?: (done: number) => void },
  ): Promise<TrafficHistory>;
}

/** Two readings so far apart are sure to differ where there is traffic. */
export function apartMs({ freshEveryMs }: MetricSource): number {
  return freshEveryMs > 0 ? 2 * freshEveryMs + 5_000 : 0;
}
