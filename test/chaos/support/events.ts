import { isGrpcDeadlineError } from '@temporalio/client';
import type { DeploymentHandle } from '../../support/temporal.ts';

type History = Awaited<ReturnType<DeploymentHandle['fetchHistory']>>;
export type HistoryEvent = NonNullable<History['events']>[number];

const LONG_POLL_MS = 60_000;

/** The events of a deployment as they appear, to its end. */
export async function* eventsOf({ client, workflowId }: DeploymentHandle): AsyncGenerator<HistoryEvent> {
  let nextPageToken: Uint8Array = new Uint8Array();
  do {
    const request = {
      namespace: client.options.namespace,
      execution: { workflowId },
      waitNewEvent: true,
      nextPageToken,
    };
    try {
      const page = await client.connection.withDeadline(Date.now() + LONG_POLL_MS, () =>
        client.workflowService.getWorkflowExecutionHistory(request),
      );
      nextPageToken = page.nextPageToken;
      yield* page.history?.events ?? [];
    } catch (error) {
      if (!isGrpcDeadlineError(error)) throw error;
    }
  } while (nextPageToken.length > 0);
}

/** What an event is called: `activityTaskScheduled`. */
function nameOf(event: HistoryEvent): string {
  const [name = ''] = Object.keys(event).filter((key) => key.endsWith('EventAttributes'));
  return name.replace('EventAttributes', '');
}

/** Resolves with its name as soon as the event appears; with nothing if the deployment closes before. */
export async function appeared(handle: DeploymentHandle, eventId: number): Promise<string | undefined> {
  for await (const event of eventsOf(handle)) if (Number(event.eventId) === eventId) return nameOf(event);
  return undefined;
}
