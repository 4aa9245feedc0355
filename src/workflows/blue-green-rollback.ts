import { CancellationScope } from '@temporalio/workflow';
import {
  type DeploymentReport,
  type RollbackRequest,
  rollbackOpened,
  rollbackResolved,
  rolledBackWords,
} from '../domain/index.ts';
import { work } from './activity-proxy.ts';
import { closeDeployment } from './close.ts';
import { type Deployment, openDeployment } from './deployment.ts';
import { notifyOfDecision, notifyOfRolledBack } from './notify.ts';
import { orRefuse, refuseCron, refuseTimeLimit, refuseWrongId } from './refuse.ts';
import { rollBack } from './rollback.ts';

/** Reading the last deployment's history, the traffic and blue's health, and ending the wait that would retire blue. */
const RESOLVE_MS = 120_000;

/**
 * Goes back to the version before the last deployment, which has ended: it was completed, or terminated wherever the traffic was.
 * Takes a {@link RollbackRequest}, and its id is the deployment's: it and a deployment exclude each other. Closes as completed with
 * the report once blue has all traffic and is healthy, or as failed when it is refused and nothing was changed.
 */
export async function blueGreenRollback(request: RollbackRequest): Promise<DeploymentReport> {
  const deployment = openDeployment(rollbackOpened(request, Date.now()), notifyOfDecision);
  await refuseWrongId(deployment);
  await refuseTimeLimit(deployment);
  await refuseCron(deployment);
  await orRefuse(deployment, async () => {
    const resolved = await work('find what to go back to', RESOLVE_MS).resolveRollback(request);
    deployment.change((status) => rollbackResolved(status, resolved));
  });
  // From here on nothing ends it early: a cancellation is too late.
  return CancellationScope.nonCancellable(async () => {
    await rollBack(deployment, { cause: 'requested', reason: reasonOf(deployment), detectedAt: startedAt(deployment) });
    const outcome = rolledBackWords(deployment.status());
    await notifyOfRolledBack(deployment, outcome);
    return closeDeployment(deployment, 'rolled-back', outcome);
  });
}

/** The recovery time counts from the request: nobody else detected anything. */
function startedAt(deployment: Deployment): number {
  return deployment.status().startedAt;
}

function reasonOf(deployment: Deployment): string {
  const { requestedBy = 'somebody who gave no name', reason } = deployment.status();
  return `Requested by ${requestedBy}${reason === undefined ? '' : `: ${reason}`}`;
}
