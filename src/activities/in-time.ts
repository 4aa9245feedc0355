import { Context } from '@temporalio/activity';
import { ANSWER_MS, progressOf, progressWords } from '../domain/index.ts';
import { type RunContext, TookTooLong } from '../util/index.ts';

/** What keeps its time by itself, such as a command, says more about why it was late: it gets this much longer. */
const OWN_BOUND_MS = 2_000;
/** To stop and to clear up after the signal. Both together are less than `ANSWER_MS`: Temporal must not begin it anew. */
const STOP_MS = 13_000;

/**
 * How long this attempt may work: for `timeoutMs`, unless earlier attempts, whose workers were lost, have used the time that
 * Temporal gives to all of them.
 */
function timeLeft(timeoutMs: number): number {
  const { scheduledTimestampMs, scheduleToCloseTimeoutMs } = Context.current().info;
  const end = scheduledTimestampMs + scheduleToCloseTimeoutMs - ANSWER_MS;
  return Math.max(0, Math.min(timeoutMs, end - Date.now()));
}

/**
 * Does the work for at most `timeoutMs`, then its signal aborts with a `TookTooLong` whose message says what the work did at
 * last and who held it up. What the work answers after that counts.
 * @throws TookTooLong when it answers nothing; the run's own reason when that was aborted.
 */
export async function inTime<Result>(
  run: RunContext,
  timeoutMs: number,
  work: (run: RunContext) => Promise<Result>,
): Promise<Result> {
  const leftMs = timeLeft(timeoutMs);
  const timeout = new AbortController();
  let newest: unknown;
  const heartbeat = (details: unknown): void => {
    newest = details;
    run.heartbeat(details);
  };
  let giveUp: NodeJS.Timeout | undefined;
  let stop: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_, reject) => {
    stop = setTimeout(() => {
      const reason = tookTooLong(timeoutMs, newest);
      timeout.abort(reason);
      giveUp = setTimeout(() => reject(reason), STOP_MS);
    }, leftMs + OWN_BOUND_MS);
  });
  try {
    return await Promise.race([work({ signal: AbortSignal.any([run.signal, timeout.signal]), heartbeat }), overdue]);
  } catch (error) {
    run.signal.throwIfAborted();
    timeout.signal.throwIfAborted(); // what a stopped command or request throws is noise
    throw error;
  } finally {
    clearTimeout(stop);
    clearTimeout(giveUp);
  }
}

function tookTooLong(timeoutMs: number, newest: unknown): TookTooLong {
  const last = progressWords(progressOf(newest), Date.now());
  return new TookTooLong(
    `it took longer than its timeout of ${duration(timeoutMs)} and was stopped${last === '' ? '' : `; at the end: ${last}`}`,
  );
}

function duration(ms: number): string {
  return ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1_000} s`;
}
