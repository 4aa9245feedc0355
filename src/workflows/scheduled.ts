import { ApplicationFailure, ChildWorkflowFailure, executeChild } from '@temporalio/workflow';
import {
  type DeploymentReport,
  type DeploymentRequest,
  deploymentWorkflowId,
  FAILURE,
  opened,
} from '../domain/index.ts';
import { blueGreenDeployment } from './blue-green.ts';
import { isAlreadyStarted } from './child-end.ts';
import { withoutStack } from './failures.ts';

/**
 * For Temporal Schedules, which append a time to the id of what they start, and for parent workflows: runs
 * {@link blueGreenDeployment} as a child under the id that is the lock, whatever the id of this workflow, and closes as the
 * deployment does. To cancel it cancels the deployment, which then rolls back; the end of this workflow ends nothing.
 * @throws ApplicationFailure `InvalidRequest` while another deployment of this service and environment is under way.
 */
export async function scheduledBlueGreenDeployment(request: DeploymentRequest): Promise<DeploymentReport> {
  const { service, environment } = opened(request, Date.now());
  const workflowId = deploymentWorkflowId(service, environment);
  try {
    return await executeChild(blueGreenDeployment, { workflowId, args: [request], parentClosePolicy: 'ABANDON' });
  } catch (error) {
    if (isAlreadyStarted(error))
      throw refused(`Not started: the deployment ${workflowId} is already running; only one may run at a time.`);
    // What the deployment says of itself, instead of "Child Workflow execution failed".
    if (error instanceof ChildWorkflowFailure && error.cause instanceof ApplicationFailure) throw error.cause;
    throw error;
  }
}

function refused(message: string): ApplicationFailure {
  return withoutStack(ApplicationFailure.nonRetryable(message, FAILURE.InvalidRequest));
}
