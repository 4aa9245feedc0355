import type { Client, WorkflowExecutionDescription, WorkflowHandle } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { trainWorkflowId } from '../../domain/index.ts';
import type { blueGreenTrain } from '../../workflows/index.ts';
import { COMMAND } from '../address.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { inTime } from '../temporal.ts';

export type TrainHandle = WorkflowHandle<typeof blueGreenTrain>;

/** The newest run of a train, and a handle on exactly this run. @throws CliError when there is none. */
export async function findTrain(
  client: Client,
  name: string,
): Promise<{ readonly handle: TrainHandle; readonly description: WorkflowExecutionDescription }> {
  const workflowId = trainWorkflowId(name);
  try {
    const description = await inTime(client, () => client.workflow.getHandle(workflowId).describe());
    return { handle: client.workflow.getHandle<typeof blueGreenTrain>(workflowId, description.runId), description };
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    throw new CliError(
      EXIT.notFound,
      `There is no train ${name} (workflow ${workflowId}). List the trains: ${COMMAND} list --trains`,
      { cause: error },
    );
  }
}
