import type { Context } from '@temporalio/activity';

/**
 * Hundreds of activities that leave a stopping worker at once would wait for each other at the workers that take them over, and
 * nobody would do their work meanwhile. So they leave in turn.
 */
const BETWEEN_TURNS_MS = 50;
/** A worker that takes much longer to stop is killed: Kubernetes waits for 30 s. */
const LAST_TURN_MS = 20_000;

export interface Turns {
  /** In how many milliseconds the next one may leave. */
  take(): number;
}

/** Those of one worker. */
export function createTurns(): Turns {
  let begunAt: number | undefined;
  let taken = 0;
  return {
    take() {
      begunAt ??= Date.now();
      const at = begunAt + Math.min(taken * BETWEEN_TURNS_MS, LAST_TURN_MS);
      taken += 1;
      return Math.max(0, at - Date.now());
    },
  };
}

/** Aborts when the activity is cancelled; when that is because the worker stops, in its turn. */
export function abortedInTurn(context: Context, turns: Turns): AbortSignal {
  const { cancellationSignal } = context;
  const controller = new AbortController();
  const abort = (): void => controller.abort(cancellationSignal.reason);
  const whenCancelled = (): void => {
    if (context.cancellationDetails?.workerShutdown) setTimeout(abort, turns.take()).unref();
    else abort();
  };
  if (cancellationSignal.aborted) whenCancelled();
  else cancellationSignal.addEventListener('abort', whenCancelled, { once: true });
  return controller.signal;
}
