import { CancellationScope, CancelledFailure, patched, workflowInfo } from '@temporalio/workflow';
import { type DeploymentStatus, deploymentWorkflowId, FAILURE } from '../domain/index.ts';
import { sentence } from '../format/index.ts';
import { closeAsFailed, closeDeployment } from './close.ts';
import type { Deployment } from './deployment.ts';
import { errorMessage } from './failures.ts';
import { notifyOfRefusal } from './notify.ts';

/** The workflow id is the lock (invariant 13); under another id two deployments could run at once. */
export async function refuseWrongId(deployment: Deployment): Promise<void> {
  const { service, environment } = deployment.status();
  const expected = deploymentWorkflowId(service, environment);
  const { workflowId } = workflowInfo();
  if (service === '' || workflowId === expected) return;
  throw await closeAsFailed(
    deployment,
    'refused',
    FAILURE.InvalidRequest,
    `This deployment was started with the workflow id "${workflowId}". The id is the lock that keeps deployments of one service apart: start it with the id "${expected}".${fromSchedule(workflowId)}`,
  );
}

/** A Schedule cannot start anything with the id that is expected. */
function fromSchedule(workflowId: string): string {
  return /-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(workflowId)
    ? ' A Temporal Schedule appends the time to every id: let it start the workflow "scheduledBlueGreenDeployment", which starts the deployment with the right one.'
    : '';
}

/** The server ends a workflow at its time limit as `terminate` does: at once, wherever the traffic is, with no rollback. */
export async function refuseTimeLimit(deployment: Deployment): Promise<void> {
  const { executionTimeoutMs = 0, runTimeoutMs = 0 } = workflowInfo();
  if (executionTimeoutMs + runTimeoutMs === 0) return;
  // Those that were started before this was refused go on.
  if (!patched('refuse-time-limit')) return;
  throw await closeAsFailed(
    deployment,
    'refused',
    FAILURE.InvalidRequest,
    'This deployment was started with a time limit (execution or run timeout). At its end the server would leave the traffic where it is, without a rollback: start it without one; every wait has a bound in the runbook.',
  );
}

/** The server would deploy it again at every time of the schedule, also what was rolled back, and hold the lock in between. */
export async function refuseCron(deployment: Deployment): Promise<void> {
  // Those that were started before this was refused go on.
  if (!workflowInfo().cronSchedule || !patched('refuse-cron')) return;
  throw await closeAsFailed(
    deployment,
    'refused',
    FAILURE.InvalidRequest,
    'This deployment was started with a cron schedule: the server would start it again and again, also after a rollback. Terminate it now, while nothing is changed: it comes back otherwise. Let a Temporal Schedule start the workflow "scheduledBlueGreenDeployment" instead.',
  );
}

/** Before the first change: whatever goes wrong closes the deployment, and there is nothing to undo. */
export async function orRefuse(deployment: Deployment, body: () => Promise<void>): Promise<void> {
  try {
    await deployment.scope.run(body);
  } catch (error) {
    const { ending, plan, kind } = deployment.status();
    const changed = kind === 'rollback' ? 'changed' : 'deployed';
    const unchanged = `Nothing was ${changed}.`;
    if (ending)
      throw await closeAsFailed(
        deployment,
        'refused',
        FAILURE.ChecklistFailed,
        `${byWhom(ending)} ${unchanged}`,
        error,
      );
    if (CancellationScope.current().consideredCancelled) {
      const outcome = `Cancelled before anything was ${changed}.`;
      await notifyOfRefusal(deployment, outcome);
      await closeDeployment(deployment, 'cancelled', outcome);
      // Not `error`: a worker that was lost meanwhile has made a time-out of it, and that would close as failed.
      throw new CancelledFailure(outcome);
    }
    const why = errorMessage(error);
    throw await (plan
      ? closeAsFailed(deployment, 'refused', FAILURE.ChecklistFailed, `${sentence(why)} ${unchanged}`, error)
      : closeAsFailed(deployment, 'refused', FAILURE.InvalidRequest, why, error));
  }
}

export function byWhom({ cause, by, reason }: NonNullable<DeploymentStatus['ending']>): string {
  return `${cause === 'aborted' ? 'Aborted' : 'Rejected'} by ${by}${reason === undefined ? '' : `: ${reason}`}.`;
}
