import type { NativeConnection } from '@temporalio/worker';

type Answer = Awaited<ReturnType<NativeConnection['workflowService']['getWorkflowExecutionHistory']>>;
/** An event of a history, as the API has it: its own package is no dependency. */
export type HistoryEvent = NonNullable<NonNullable<Answer['history']>['events']>[number];

/** How a run ended, if this is its last event. */
export function closedAs(event: HistoryEvent): 'completed' | 'failed' | 'cancelled' | 'terminated' | undefined {
  if (event.workflowExecutionCompletedEventAttributes) return 'completed';
  if (event.workflowExecutionFailedEventAttributes) return 'failed';
  if (event.workflowExecutionCanceledEventAttributes) return 'cancelled';
  if (event.workflowExecutionTerminatedEventAttributes || event.workflowExecutionTimedOutEventAttributes)
    return 'terminated';
  return undefined;
}

/** Epoch milliseconds of the API's timestamp. */
export function millis(timestamp: HistoryEvent['eventTime']): number {
  const { seconds, nanos } = timestamp ?? {};
  return Number(seconds ?? 0) * 1_000 + Math.floor((nanos ?? 0) / 1_000_000);
}
