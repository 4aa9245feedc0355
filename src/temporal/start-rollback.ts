import type { Client, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { deploymentWorkflowId, type RollbackRequest } from '../domain/index.ts';
import type { blueGreenRollback } from '../workflows/index.ts';
import { ROLLBACK_TYPE, taskQueue } from './names.ts';
import type { DeploymentTexts } from './start-deployment.ts';

/**
 * Starts a rollback of its own. Its workflow id is the deployment's: the lock.
 * @throws WorkflowExecutionAlreadyStartedError while a deployment or a rollback is under way.
 */
export function startRollback(
  client: Client,
  request: RollbackRequest,
  texts: DeploymentTexts = {},
): Promise<WorkflowHandleWithFirstExecutionRunId<typeof blueGreenRollback>> {
  return client.workflow.start<typeof blueGreenRollback>(ROLLBACK_TYPE, {
    workflowId: deploymentWorkflowId(request.service, request.environment),
    taskQueue: taskQueue(),
    args: [request],
    workflowIdConflictPolicy: 'FAIL',
    ...texts,
  });
}
