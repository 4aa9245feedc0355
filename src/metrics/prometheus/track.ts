import type { Labels } from '../../promql/index.ts';

/** What one cumulative counter of one target said, oldest first. */
export interface Track {
  /** Tells counters apart without their labels, which name hosts and must not end in a history. */
  readonly key: string;
  readonly version: string;
  /** Tells the targets apart that the counters are of. */
  readonly target: string;
  /**
   * `slow` has three values: all requests, those within the limit, and where the bucket of these ends (0 for a native
   * histogram, whose buckets may merge). `failed` ones are requests, too. A second counter counts `failedOnly`; or those that were
   * `answered`, where all requests count as `failed` otherwise.
   */
  readonly counts: 'requests' | 'failed' | 'failedOnly' | 'answered' | 'slow' | 'seconds';
  readonly points: readonly Point[];
  readonly labels: Labels;
}

export interface Point {
  readonly at: number;
  readonly values: readonly number[];
}

/** When a target's process started, by what it says itself, and since when it was scraped as far as the range goes. */
export interface ProcessStart {
  readonly labels: Labels;
  readonly startedAt: number;
  readonly scrapedSince: number;
}
