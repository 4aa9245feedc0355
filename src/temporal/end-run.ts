import { setTimeout as sleep } from 'node:timers/promises';
import { arrayFromPayloads, defaultPayloadConverter } from '@temporalio/common';
import { callIfFound, type Namespace } from './call.ts';
import { closedAs } from './history-event.ts';

const ASK_EVERY_MS = 200;
/** A worker that is there ends a wait at once. What it stops meanwhile is stopped by then, or given up. */
const PATIENCE_MS = 20_000;

interface EndOptions {
  readonly workflowId: string;
  readonly reason: string;
  readonly signal: AbortSignal;
  readonly patienceMs?: number;
}

/**
 * Cancels the newest run under this id, if it runs, and waits until it has ended: it does nothing any more. Terminates it if no worker
 * lets it end, since a rollback may be waiting. Rejects with the signal's reason. @returns its result, if it had completed before or has
 * completed in spite of it.
 */
export async function endRun(
  at: Namespace,
  { workflowId, reason, signal, patienceMs = PATIENCE_MS }: EndOptions,
): Promise<unknown> {
  const { connection, namespace } = at;
  const common = { namespace, workflowExecution: { workflowId }, identity: 'bluegreen', reason };
  // One that has ended is not found, either.
  await callIfFound(at, () => connection.workflowService.requestCancelWorkflowExecution(common));
  const until = Date.now() + patienceMs;
  for (;;) {
    const newest = await callIfFound(at, () =>
      connection.workflowService.getWorkflowExecutionHistoryReverse({
        namespace,
        execution: { workflowId },
        maximumPageSize: 1,
      }),
    );
    const last = newest?.history?.events?.[0];
    if (!last) return undefined;
    if (closedAs(last) !== undefined) {
      const payloads = last.workflowExecutionCompletedEventAttributes?.result?.payloads;
      return arrayFromPayloads(defaultPayloadConverter, payloads)[0];
    }
    if (Date.now() >= until) await callIfFound(at, () => connection.workflowService.terminateWorkflowExecution(common));
    else await sleep(ASK_EVERY_MS, undefined, { signal });
  }
}
