import { NOT_SENT, type Outcome } from './outcome.ts';

/** How often to send the requests that are due. */
const TICK_MS = 5;

interface OpenLoopOptions {
  readonly requestsPerSecond: number;
  /** Bounds memory and connections while nothing comes back. */
  readonly mostInFlight: number;
  /** The rate rises evenly from 0 for so long; by default it is there at once. */
  readonly rampMs?: number;
  /** The last request is due before this; by default there is none. */
  readonly endAfterMs?: number;
  /** Sends one request. Resolves to what failed, undefined if nothing did; never rejects. */
  readonly send: () => Promise<string | undefined>;
  /** Called once for each request that was due, also after the loop was stopped. */
  readonly settled: (outcome: Outcome) => void;
}

/**
 * Sends at a constant rate, even if answers are slow (open loop). A closed loop waits for an answer before the next request:
 * it asks a slow target less often, and underestimates its latency.
 */
export function startOpenLoop({
  requestsPerSecond,
  mostInFlight,
  rampMs = 0,
  endAfterMs = Number.POSITIVE_INFINITY,
  send,
  settled,
}: OpenLoopOptions) {
  const beganAt = performance.now();
  const now = () => performance.now() - beganAt;
  let apartMs = 1_000 / requestsPerSecond; // no rate, no request: infinitely far apart
  let nextDueMs = 0;
  let inFlight = 0;
  let stopped = false;
  let resolveDone = () => {};
  const done = new Promise<void>((resolve) => {
    resolveDone = resolve;
  });

  /** While the rate rises, the number of requests rises with the square of the time. */
  const dueAfter = (dueMs: number): number =>
    dueMs < rampMs ? Math.min(rampMs + apartMs, Math.sqrt(dueMs ** 2 + 2 * rampMs * apartMs)) : dueMs + apartMs;
  const fire = async (dueMs: number): Promise<void> => {
    const sentMs = now();
    if (inFlight >= mostInFlight) return settled({ dueMs, sentMs, settledMs: sentMs, failure: NOT_SENT });
    inFlight += 1;
    const failure = await send();
    inFlight -= 1;
    settled({ dueMs, sentMs, settledMs: now(), failure });
    if (stopped && inFlight === 0) resolveDone();
  };
  const stop = (): void => {
    clearInterval(timer);
    stopped = true;
    if (inFlight === 0) resolveDone();
  };
  const timer = setInterval(() => {
    const atMs = now();
    for (; nextDueMs <= atMs && nextDueMs < endAfterMs; nextDueMs = dueAfter(nextDueMs)) void fire(nextDueMs);
    if (atMs >= endAfterMs) stop();
  }, TICK_MS);

  return {
    setRate: (newRequestsPerSecond: number): void => {
      apartMs = 1_000 / newRequestsPerSecond;
      nextDueMs = now() + apartMs;
    },
    /** No further request becomes due; what is under way is waited for by `done`. */
    stop,
    /** Resolves when the loop has ended and nothing is under way any more. */
    done,
  };
}
