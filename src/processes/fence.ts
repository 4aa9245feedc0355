import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '../domain/index.ts';
import type { Operation, RunContext } from '../util/index.ts';

/**
 * A worker that was frozen and thawed runs several attempts of one operation at once, in one process. Only the newest
 * may act: it ends the older ones, and one that comes late is refused.
 */
interface Entry {
  readonly attempt: number;
  readonly superseded: AbortController;
}

/** Newest attempt per operation, in the order of their last use. Finished ones stay: a late attempt may follow. */
const newest = new Map<string, Entry>();
const REMEMBERED = 1_000;

/**
 * Runs `act` as this attempt of the operation. Its signal aborts with a failure when a newer attempt begins.
 * @throws ApplicationFailure, retryable, when a newer attempt has begun already: a retry has a newer number.
 */
export async function fenced<Result>(
  operation: Operation,
  run: RunContext,
  act: (run: RunContext) => Promise<Result>,
): Promise<Result> {
  const current = newest.get(operation.id);
  if (current && current.attempt > operation.attempt) throw superseded(operation.attempt, current.attempt);
  current?.superseded.abort(superseded(current.attempt, operation.attempt));

  const mine: Entry = { attempt: operation.attempt, superseded: new AbortController() };
  newest.delete(operation.id);
  newest.set(operation.id, mine);
  for (const id of newest.keys()) if (newest.size > REMEMBERED) newest.delete(id);

  const signal = AbortSignal.any([run.signal, mine.superseded.signal]);
  return act({ signal, heartbeat: (detail) => run.heartbeat(detail) });
}

function superseded(attempt: number, by: number): ApplicationFailure {
  return ApplicationFailure.retryable(
    `attempt ${attempt} was stopped: attempt ${by} of the same operation took over`,
    FAILURE.CommandFailed,
  );
}
