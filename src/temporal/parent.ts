import type { NativeConnection } from '@temporalio/worker';

/** ParentClosePolicy of the API: the default of a child. */
const TERMINATE = 1;
const CALL_TIMEOUT_MS = 10_000;

interface Execution {
  readonly workflowId: string;
  readonly runId: string;
}

/**
 * The id of the parent workflow whose end would terminate this one; nothing if there is no such parent, or the server does
 * not say.
 */
export async function terminatingParent(
  { connection, namespace }: { readonly connection: NativeConnection; readonly namespace: string },
  { workflowId, runId }: Execution,
): Promise<string | undefined> {
  const describe = (execution: { readonly workflowId?: string | null; readonly runId?: string | null }) =>
    connection.withDeadline(Date.now() + CALL_TIMEOUT_MS, () =>
      connection.workflowService.describeWorkflowExecution({ namespace, execution }),
    );
  try {
    const parent = (await describe({ workflowId, runId })).workflowExecutionInfo?.parentExecution;
    if (!parent?.workflowId) return undefined;
    const { pendingChildren } = await describe(parent);
    const own = pendingChildren?.find((child) => child.workflowId === workflowId && child.runId === runId);
    return Number(own?.parentClosePolicy) === TERMINATE ? parent.workflowId : undefined;
  } catch {
    return undefined;
  }
}
