import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { NativeConnection } from '@temporalio/worker';
import { type Freeze, freezeWorkflowId } from '../domain/index.ts';

/** WorkflowExecutionStatus of the API. */
const RUNNING = 1;
/** gRPC's code. */
const NOT_FOUND = 5;
const CALL_TIMEOUT_MS = 5_000;

/** The key of the memo in which a freeze says who made it, and why. */
export const FREEZE_MEMO = 'freeze';

interface Asked {
  readonly connection: Pick<NativeConnection, 'workflowService' | 'withDeadline'> | Client['connection'];
  readonly namespace: string;
}

/**
 * The freezes that people have made for the environment, or for this service in it, and not ended yet. Needs no worker.
 * @throws Error when Temporal does not say.
 */
export async function stoppedLine(
  asked: Asked,
  { service, environment }: { readonly service?: string; readonly environment: string },
): Promise<readonly Freeze[]> {
  const wholes = [{ environment }, ...(service === undefined ? [] : [{ environment, service }])];
  return (await Promise.all(wholes.map((whole) => freezeOf(asked, whole)))).flat();
}

async function freezeOf(
  { connection, namespace }: Asked,
  whole: { readonly environment: string; readonly service?: string },
): Promise<Freeze[]> {
  const workflowId = freezeWorkflowId(whole);
  const describe = () =>
    connection.withDeadline(Date.now() + CALL_TIMEOUT_MS, () =>
      connection.workflowService.describeWorkflowExecution({ namespace, execution: { workflowId } }),
    );
  const info = await describe().then(
    ({ workflowExecutionInfo }) => workflowExecutionInfo,
    (error: unknown) => {
      if ((error as { readonly code?: unknown }).code === NOT_FOUND) return undefined;
      throw new Error(
        `Temporal does not say whether ${nameOf(whole)} is frozen (${error instanceof Error ? error.message : String(error)})`,
        { cause: error },
      );
    },
  );
  if (Number(info?.status) !== RUNNING || !info) return [];
  const payload = info.memo?.fields?.[FREEZE_MEMO];
  const { by, reason, until } = payload ? defaultPayloadConverter.fromPayload<Partial<Freeze>>(payload) : {};
  if (until !== undefined && until <= Date.now()) return [];
  return [
    {
      id: `${workflowId}/${info.execution?.runId ?? ''}`,
      name: nameOf(whole),
      by: by ?? 'somebody',
      reason: reason ?? 'no reason given',
      since: Number(info.startTime?.seconds ?? 0) * 1_000,
      ...(until === undefined ? {} : { until }),
    },
  ];
}

function nameOf({ environment, service }: { readonly environment: string; readonly service?: string }): string {
  return service === undefined ? environment : `${service} in ${environment}`;
}
