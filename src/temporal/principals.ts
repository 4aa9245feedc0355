import type { NativeConnection } from '@temporalio/worker';
import type { Principals } from '../domain/index.ts';

/** Calls of the server itself, such as those of a batch operation, are nobody's. */
const SERVER_ITSELF = 'temporal';
const CALL_TIMEOUT_MS = 10_000;

/**
 * Who started this deployment, and who sent each signal of this name, as the server authenticated them: the principals in its
 * history. Of an update the history has none: its event is written for the worker that accepted it.
 * @throws Error when the history cannot be read.
 */
export async function readPrincipals(
  { connection, namespace }: { readonly connection: NativeConnection; readonly namespace: string },
  execution: { readonly workflowId: string; readonly runId: string },
  signalName: string,
): Promise<Principals> {
  let starter: string | undefined;
  const senders: { readonly principal?: string; readonly by?: string }[] = [];
  let nextPageToken: Uint8Array | undefined | null;
  do {
    const request = { namespace, execution, ...(nextPageToken && { nextPageToken }) };
    const page = await connection.withDeadline(Date.now() + CALL_TIMEOUT_MS, () =>
      connection.workflowService.getWorkflowExecutionHistory(request),
    );
    for (const event of page.history?.events ?? []) {
      const { workflowExecutionStartedEventAttributes: started, workflowExecutionSignaledEventAttributes: signal } =
        event;
      const { type, name = '' } = event.principal ?? {};
      const principal = name && type !== SERVER_ITSELF ? { principal: name } : {};
      if (started) starter = principal.principal;
      if (signal?.signalName === signalName)
        senders.push({ ...principal, ...claimIn(signal.input?.payloads?.[0]?.data ?? undefined) });
    }
    ({ nextPageToken } = page);
  } while (nextPageToken && nextPageToken.length > 0);
  return { senders, ...(starter !== undefined && { starter }) };
}

/** The name in a message; nothing where it cannot be read. */
function claimIn(data: Uint8Array | undefined): { readonly by?: string } {
  try {
    const { by } = JSON.parse(Buffer.from(data ?? []).toString()) as { readonly by?: unknown };
    return typeof by === 'string' ? { by } : {};
  } catch {
    return {};
  }
}
