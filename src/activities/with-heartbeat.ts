import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { DeploymentTarget } from '../domain/index.ts';
import type { Operation, RunContext } from '../util/index.ts';
import { abortedInTurn, type Turns } from './turns.ts';

/** A lost worker is noticed one heartbeat time-out (10 s) after the last beat that was sent. */
const BEAT_MS = 2_000;
/** Within this the server has answered a beat. */
const ANSWERED_MS = 2 * BEAT_MS;

/**
 * Runs an activity's work under a steady heartbeat of its own, so that a slow answer of the world neither loses the
 * activity nor delays a cancellation.
 */
export function withHeartbeat<Result>(work: Work<Result>): Promise<Result> {
  const { cancellationSignal: signal } = Context.current();
  return beating({ everyMs: BEAT_MS, leastMs: 0, signal }, work);
}

/**
 * The same with one beat in `everyMs` and no more: what the work says in between is in the next one. Until it has said something
 * there are more: on a busy machine it may take long to begin, and a worker that is believed lost would begin again and again.
 * When the worker stops, the work goes on until its turn to leave.
 */
export function withSparingHeartbeat<Result>(
  { everyMs, turns }: { readonly everyMs: number; readonly turns: Turns },
  work: Work<Result>,
): Promise<Result> {
  return beating({ everyMs, leastMs: everyMs, signal: abortedInTurn(Context.current(), turns) }, work);
}

type Work<Result> = (run: RunContext) => Promise<Result>;

/** Captures the context first: listeners of the signal run outside of it. */
async function beating<Result>(
  { everyMs, leastMs, signal }: { readonly everyMs: number; readonly leastMs: number; readonly signal: AbortSignal },
  work: Work<Result>,
): Promise<Result> {
  const context = Context.current();
  let detail: unknown = context.info.heartbeatDetails;
  let isSent = true;
  let sentAt = 0;
  const beat = (): void => {
    isSent = true;
    sentAt = Date.now();
    ticker.refresh();
    context.heartbeat(detail);
  };
  let hasBegun = false;
  let ticker = setInterval(beat, Math.min(BEAT_MS, everyMs));
  if (leastMs === 0) beat();
  try {
    return await work({
      signal,
      heartbeat: (newest) => {
        detail = newest;
        isSent = false;
        const isFirst = !hasBegun;
        if (isFirst) {
          hasBegun = true;
          clearInterval(ticker);
          ticker = setInterval(beat, everyMs);
        }
        if (isFirst || Date.now() - sentAt >= leastMs) beat();
      },
    });
  } catch (error) {
    // The SDK sends it together with the failure: the next attempt goes on from here.
    if (!isSent) context.heartbeat(detail);
    // What a cancelled command or fetch throws is noise; the cancellation is what happened.
    if (context.cancellationSignal.aborted) await context.cancelled;
    throw error;
  } finally {
    clearInterval(ticker);
  }
}

/** The same run, whose heartbeats say which check they are about. */
export function ofCheck(check: string, run: RunContext): RunContext {
  const heartbeat = (details: unknown): void =>
    run.heartbeat({ check, ...(typeof details === 'object' && details !== null ? details : {}) });
  heartbeat(undefined);
  return { ...run, heartbeat };
}

/**
 * Call it before a change that must not come late. An attempt that is older than the heartbeat time-out may have waited in
 * a worker that stood still, and be somebody else's by now, or nobody's: the server says so in its answer to a beat, and
 * this rejects. Where no worker was there for so long, it costs the wait and no more.
 */
export async function assertNotSuperseded({ signal }: RunContext): Promise<void> {
  const { currentAttemptScheduledTimestampMs: givenAt, heartbeatTimeoutMs } = Context.current().info;
  if (heartbeatTimeoutMs !== undefined && Date.now() - givenAt > heartbeatTimeoutMs) await pause(ANSWERED_MS, signal);
}

/** The same id for every attempt of this step of this deployment (invariant 9). */
export function operation(target: DeploymentTarget, step: string): Operation {
  return { id: `${target.deployment}/${step}`, attempt: Context.current().info.attempt };
}

/** Waits, or rejects as soon as the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(0, ms), undefined, { signal });
}

/** Asks again every `everyMs` until `ask` answers something or `until` (epoch milliseconds) has passed. */
export async function pollUntil<Answer>(
  until: number,
  everyMs: number,
  signal: AbortSignal,
  ask: () => Promise<Answer | undefined>,
): Promise<Answer | undefined> {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() + everyMs > until) return undefined;
    await pause(everyMs, signal);
  }
}
