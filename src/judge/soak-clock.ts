import { seconds } from '../format/index.ts';

/** The time of a soak that counts: only time in which green was asked. Plain JSON. */
export interface SoakClock {
  readonly countedMs: number;
  /** Observed time since green had its last request: it counts only once green has another soon enough. */
  readonly idleMs: number;
  /** Green's requests in the counted time. */
  readonly requests: number;
}

export const NO_TIME: SoakClock = { countedMs: 0, idleMs: 0, requests: 0 };

/** A pause without requests counts while chance explains it: where 7 are expected, none is 1 in 1,000 ... */
const EXPECTED_IN_PAUSE = 7;
/** ... and never for longer. */
const LONGEST_PAUSE_MS = 60_000;

/** The clock after `ms` in which green had so many requests. */
export function advanceClock({ countedMs, idleMs, requests }: SoakClock, green: number, ms: number): SoakClock {
  if (green === 0) return { countedMs, requests, idleMs: idleMs + ms };
  const pauseMs = isByChance({ requests, countedMs }, idleMs) ? idleMs : 0;
  return { countedMs: countedMs + ms + pauseMs, requests: requests + green, idleMs: 0 };
}

/** Whether so long a pause between two requests of green is to be expected at the rate that it had in this soak. */
export function isByChance(
  { requests, countedMs }: Pick<SoakClock, 'requests' | 'countedMs'>,
  pauseMs: number,
): boolean {
  if (countedMs === 0 || pauseMs > LONGEST_PAUSE_MS) return false;
  return (requests / countedMs) * pauseMs <= EXPECTED_IN_PAUSE;
}

/** What is missing of the soak's time, in words and in milliseconds; nothing where all of it was observed. */
export function missingTime(
  { countedMs }: SoakClock,
  { soakMs, pollMs, goneMs }: { readonly soakMs: number | null; readonly pollMs: number; readonly goneMs: number },
): { readonly reason: string; readonly missingMs: number } | undefined {
  // The first and the last reading are never exactly on the soak's edges.
  if (soakMs === null || countedMs >= soakMs - 2 * pollMs) return undefined;
  const isLess = countedMs < Math.min(goneMs, soakMs) - 2 * pollMs;
  const why = isLess
    ? '; time without a reading, without requests to green or with blue over a limit does not count'
    : '';
  return {
    reason: `${seconds(countedMs)} of ${seconds(soakMs)} were observed${why}`,
    missingMs: soakMs - countedMs,
  };
}
