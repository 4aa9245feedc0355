/** Where a metric source goes on from: everything up to `at` is counted. The rest is the source's own, as JSON; nobody else reads it. */
export interface MetricCursor {
  /** Epoch milliseconds. */
  readonly at: number;
}
