/** What became of one request. Times are milliseconds since the load began. */
export interface Outcome {
  readonly dueMs: number;
  /** Later than `dueMs` by as much as the sender itself was late. */
  readonly sentMs: number;
  readonly settledMs: number;
  /** In a few words, of which there are few enough to count by them; undefined: answered as it should be. */
  readonly failure: string | undefined;
}

/** Too many requests were under way already when this one was due. */
export const NOT_SENT = 'not sent';
/** The answer was not complete within the client's patience. */
export const TIMED_OUT = 'timed out';
