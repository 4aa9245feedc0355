import type { Client } from '@temporalio/client';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import type { NativeConnection } from '@temporalio/worker';
import { messageOf } from '../util/index.ts';

/** WorkflowExecutionStatus of the API: running, and paused by somebody. */
const OPEN = [1, 8];
/** gRPC's code. */
const NOT_FOUND = 5;
const CALL_TIMEOUT_MS = 5_000;

/** A worker's or a client's connection, and where the workflows are. */
export interface Asked {
  readonly connection: Pick<NativeConnection, 'workflowService' | 'withDeadline'> | Client['connection'];
  readonly namespace: string;
}

/** What Temporal itself knows of a workflow that runs. */
interface RunningWorkflow {
  readonly runId: string;
  readonly startedAt: number;
  memo(key: string): unknown;
}

/** The workflow with this id, if it runs now. Needs no worker. @throws Error when Temporal does not say. */
export async function runningWorkflow(
  { connection, namespace }: Asked,
  workflowId: string,
): Promise<RunningWorkflow | undefined> {
  const described = connection.withDeadline(Date.now() + CALL_TIMEOUT_MS, () =>
    connection.workflowService.describeWorkflowExecution({ namespace, execution: { workflowId } }),
  );
  const info = await described.then(
    ({ workflowExecutionInfo }) => workflowExecutionInfo,
    (error: unknown) => {
      if ((error as { readonly code?: unknown }).code === NOT_FOUND) return undefined;
      const why = messageOf(error);
      throw new Error(`Temporal does not say whether ${workflowId} is running: ${why}`, { cause: error });
    },
  );
  if (!info || !OPEN.includes(Number(info.status))) return undefined;
  return {
    runId: info.execution?.runId ?? '',
    startedAt: Number(info.startTime?.seconds ?? 0) * 1_000,
    memo: (key) => {
      const payload: Payload | undefined = info.memo?.fields?.[key];
      return payload && defaultPayloadConverter.fromPayload<unknown>(payload);
    },
  };
}
