/** Cumulative counters of one version on one target, since that target started. */
export interface SeriesReading {
  readonly version: string;
  readonly requests: number;
  readonly failed: number;
  /** Requests over the latency limit, failed ones included; 0 where no latency limit is set. */
  readonly slow: number;
  /** Sum of all durations in seconds, for showing the mean. */
  readonly seconds: number;
  /** The time of the newest sample behind these, where somebody else collects: without a new one nothing is known. */
  readonly sampledAt?: number;
  /** When the target's process started, where it says so: a restart is then never overlooked. Epoch milliseconds. */
  readonly startedAt?: number;
  /** Beyond how many seconds a request counts as `slow`: the counts of two readings compare only if it is the same. */
  readonly slowOver?: number;
  /** How often each target behind these was seen to restart, where a source adds up many. */
  readonly restarts?: Readonly<Record<string, number>>;
  /**
   * Where each counter behind these stood when it was last counted: a source that adds up many goes on from here. Its
   * key, the time of the sample and the values. The source's own: nobody else reads it.
   */
  readonly marks?: Readonly<Record<string, readonly number[]>>;
  /** There were too many counters to read each: these are extrapolated, and the first count of a new one is missing. */
  readonly approximate?: true;
}

/**
 * Every series of the service at one moment, `at`: when it was counted, which is earlier than it was asked for where
 * somebody else collects. Keys are stable while a target lives: `<target index>/<version>`, or the version.
 */
export interface Reading {
  readonly at: number;
  /** Over how many seconds requests count as slow, where no bucket ends at the limit; of this one reading, never carried on. */
  readonly slowOver?: number;
  readonly series: Readonly<Record<string, SeriesReading>>;
}
