/** When a reading began, and what it found. */
export interface ReadAt {
  readonly begunAt: number;
  /** The time of the newest sample; undefined where the source could not be read. */
  readonly sampledAt?: number;
  /** Whether that sample is newer than all before. */
  readonly isNew?: boolean;
}

/** A sample can be read so long after its time at the earliest: it has to be fetched and stored. */
const LEAST_SETTLING_MS = 200;
/** What was learned of a slow source fades by so much with each of its samples. */
const FADING = 0.9;

/**
 * When to read next, epoch milliseconds. A source that samples by itself (a Prometheus) is read soon after each of its samples:
 * read at any other time, a fault would be seen half an interval later on average. A page has what it has: it is read
 * every `pollMs`.
 */
export function readingBeat(pollMs: number): (read: ReadAt) => number {
  const least = Math.min(LEAST_SETTLING_MS, pollMs / 2);
  let settlingMs = least;
  let everyMs = pollMs;
  let newest: number | undefined;
  return ({ begunAt, sampledAt, isNew }) => {
    if (sampledAt === undefined || isNew === undefined) return begunAt + pollMs;
    if (isNew) {
      if (newest !== undefined) everyMs = Math.max(pollMs, sampledAt - newest);
      newest = sampledAt;
      settlingMs = Math.max(least, FADING * settlingMs);
    }
    const dueAt = sampledAt + everyMs + settlingMs;
    if (dueAt > begunAt) return Math.min(begunAt + pollMs, Math.max(dueAt, isNew ? begunAt + pollMs / 2 : 0));
    // It is late: it is waited for a little, and after that no more often than every `pollMs`.
    const moreMs = Math.min(settlingMs, pollMs / 2 - settlingMs);
    if (moreMs < 1) return begunAt + pollMs;
    settlingMs += moreMs;
    return begunAt + moreMs;
  };
}
