import type { MetricInspection, SeriesReading, Slots } from '../plugin/index.ts';
import type { Counters } from './counters.ts';
import type { Compared } from './sides.ts';

/** What the series of one version are like, beyond their counts. */
export interface VersionSeries {
  /** How many series count its requests. */
  readonly size: number;
  /** The values of the status label under which requests were counted; empty where a second counter says what failed. */
  readonly statuses: readonly string[];
  /**
   * Labels with several values of which it is not known that they belong to one service, and those by which requests
   * are counted more than once.
   */
  readonly mixed: readonly LabelValues[];
  readonly doubled: readonly LabelValues[];
  /** Where the buckets of its durations end, in seconds; empty where it has no histogram. A native one has no fixed ends. */
  readonly ends: readonly number[];
  readonly hasNative: boolean;
}

export interface LabelValues {
  readonly label: string;
  readonly values: readonly string[];
  /** The metric that has them, where that is not the one of requests. */
  readonly metric?: string;
}

/** What a source of counters knows of itself beyond counts. */
export interface Inspection {
  /** What the counters stand at, by series. */
  readonly series: Readonly<Record<string, SeriesReading>>;
  /** What they stood at when this source read them for the first time. */
  readonly first: Readonly<Record<string, SeriesReading>>;
  /** What is read. */
  readonly counters: Counters;
  readonly versions: Readonly<Record<string, VersionSeries>>;
  readonly slowAbove: MetricInspection['slowAbove'];
  readonly clocks: MetricInspection['clocks'];
}

export interface AdapterOptions {
  /** The worker's environment: secrets are read from it by name. */
  readonly env: NodeJS.ProcessEnv;
  /** Called once for each text that a person should know about the metrics. */
  readonly notice?: (text: string) => void;
  /** Those that are compared: their slow requests are then counted by the same limit, and other versions are no obstacle. */
  readonly versions?: Compared;
  /** Which version runs in which slot, from the router. @throws ApplicationFailure `MetricsUnavailable` */
  readonly slots?: (signal: AbortSignal) => Promise<Slots>;
}
