import type { Client, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { type DeploymentRequest, deploymentWorkflowId } from '../domain/index.ts';
import type { blueGreenDeployment } from '../workflows/index.ts';
import { taskQueue, WORKFLOW_TYPE } from './names.ts';

/** What the Temporal UI shows of a deployment, as Markdown. */
export interface DeploymentTexts {
  readonly staticSummary?: string;
  readonly staticDetails?: string;
}

/**
 * Starts the deployment of a version. Its workflow id is the lock: one deployment per service and environment.
 * @throws WorkflowExecutionAlreadyStartedError while another one is under way.
 */
export function startDeployment(
  client: Client,
  request: DeploymentRequest,
  texts: DeploymentTexts = {},
): Promise<WorkflowHandleWithFirstExecutionRunId<typeof blueGreenDeployment>> {
  return client.workflow.start<typeof blueGreenDeployment>(WORKFLOW_TYPE, {
    workflowId: deploymentWorkflowId(request.service, request.environment),
    taskQueue: taskQueue(),
    args: [request],
    workflowIdConflictPolicy: 'FAIL',
    ...texts,
  });
}
