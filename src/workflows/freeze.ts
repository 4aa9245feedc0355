import { ApplicationFailure, condition, setHandler, upsertMemo, workflowInfo } from '@temporalio/workflow';
import { FAILURE, type FreezeRequest, freezeWorkflowId } from '../domain/index.ts';
import { withoutStack } from './failures.ts';
import * as messages from './messages.ts';

/** How a freeze ended: by itself, or by whom and why. */
export interface FreezeEnd {
  readonly by?: string;
  readonly reason?: string;
}

/**
 * Stops the line: while it runs, no deployment in its environment, or of its service, starts or shifts more traffic. They read
 * its memo, which needs no worker. Ends at `until`, or with the signal `thaw`.
 */
export async function blueGreenFreeze(request: FreezeRequest): Promise<FreezeEnd> {
  let end: FreezeEnd | undefined;
  setHandler(
    messages.thaw,
    (payload: unknown) => {
      end ??= signedBy(payload);
    },
    { description: messages.FREEZE_DESCRIPTION.thaw },
  );
  const { workflowId, memo } = workflowInfo();
  const expected = freezeWorkflowId(request);
  if (workflowId !== expected)
    throw withoutStack(
      ApplicationFailure.nonRetryable(
        `This freeze was started with the workflow id "${workflowId}", where no deployment finds it: start it with the id "${expected}".`,
        FAILURE.InvalidRequest,
      ),
    );
  const { by, reason, until } = request;
  // Temporal's form for starting a workflow has no field for a memo.
  if (memo?.['freeze'] === undefined) upsertMemo({ freeze: { by, reason, ...(until === undefined ? {} : { until }) } });
  const isOver = (): boolean => end !== undefined;
  if (until === undefined) await condition(isOver);
  else await condition(isOver, Math.max(1, until - Date.now()), { summary: 'the freeze ends by itself' });
  return end ?? {};
}

/** A handler never throws, whatever was sent. */
function signedBy(payload: unknown): FreezeEnd {
  const { by, reason } = (typeof payload === 'object' && payload !== null ? payload : {}) as Record<string, unknown>;
  return {
    by: typeof by === 'string' && by !== '' ? by : 'unknown',
    ...(typeof reason === 'string' ? { reason } : {}),
  };
}
