import type { MetricInspection, SeriesReading } from '../plugin/index.ts';
import type { Failed } from './failure.ts';

/** What the series of one version are like, beyond their counts. */
export interface VersionSeries {
  /** The values of the status label under which requests were counted. */
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
}

/** What a source of counters knows of itself beyond counts. */
export interface Inspection {
  /** What the counters stand at, by series. */
  readonly series: Readonly<Record<string, SeriesReading>>;
  /** What is read, by the names in the runbook. */
  readonly metrics: {
    readonly requests: string;
    readonly latency?: string | undefined;
    readonly versionLabel: string;
    readonly codeLabel: string;
    readonly failed: Failed;
  };
  readonly versions: Readonly<Record<string, VersionSeries>>;
  readonly slowAbove: MetricInspection['slowAbove'];
  readonly clocks: MetricInspection['clocks'];
}

/** The two versions of a deployment. */
export interface Compared {
  readonly blue: string;
  readonly green: string;
}

export interface AdapterOptions {
  /** The worker's environment: secrets are read from it by name. */
  readonly env: NodeJS.ProcessEnv;
  /** Called once for each text that a person should know about the metrics. */
  readonly notice?: (text: string) => void;
  /** Those that are compared: their slow requests are then counted by the same limit, and other versions are no obstacle. */
  readonly versions?: Compared;
}
