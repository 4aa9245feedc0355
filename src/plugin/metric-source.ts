import type { Reading } from '../domain/index.ts';

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

/** What a source knows of itself beyond counts: for the check that a release can be watched with it. */
export interface Inspection {
  readonly reading: Reading;
  /** What is read, by the names in the runbook. */
  readonly metrics: {
    readonly requests: string;
    readonly latency?: string | undefined;
    readonly versionLabel: string;
    readonly codeLabel: string;
  };
  readonly versions: Readonly<Record<string, VersionSeries>>;
  /** Beyond how many seconds a version's requests count as slow; several where its histograms have different buckets. */
  readonly slowOver: readonly { readonly version: string; readonly seconds: number }[];
  /** The clock of each place that was read, against this worker's; `aheadMs` is missing where it cannot be told. */
  readonly clocks: readonly { readonly place: string; readonly aheadMs?: Range }[];
}

/** At least and at most. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

/** Where the counts come from: the port. Adapters live beside this file and are chosen in `createMetricSource`. */
export interface MetricSource {
  /**
   * Reads all targets now. May be called as often as wanted. Throws a retryable `MetricsUnavailable` that names the
   * target and what was wrong when any of them cannot be read: half a reading would look like lost traffic.
   *
   * `since` is the reading up to which everything is counted, from whichever worker; without it, the last one of this
   * source. A source with a memory looks up what was missed in between, restarts included. What is not newer than
   * `since` is the same reading, with the same `at`: no evidence of anything.
   */
  read(signal: AbortSignal, since?: Reading): Promise<Reading>;
  /**
   * Reads once and tells more. Throws where nothing can be read; what makes the counts untrue, for which `read` throws, is
   * in the answer: `metricsProblems` puts it into words.
   */
  inspect(signal: AbortSignal, since?: Reading): Promise<Inspection>;
}
