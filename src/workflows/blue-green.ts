import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  patched,
  workflowInfo,
} from '@temporalio/workflow';
import {
  type Activities,
  ANSWER_MS,
  type DeploymentReport,
  type DeploymentRequest,
  type DeploymentStatus,
  deploymentWorkflowId,
  entered,
  FAILURE,
  greenDeployed,
  type Phase,
  planned,
  type RollbackStatus,
  recoveryWords,
  schemaStays,
  shiftBegun,
  type TrafficStep,
  type WatchState,
} from '../domain/index.ts';
import { work } from './activity-proxy.ts';
import { passChecklist, proveBeforeTraffic } from './checklist.ts';
import { closeDeployment } from './close.ts';
import { type Deployment, openDeployment } from './deployment.ts';
import { errorMessage, RollbackRequired, withoutStack } from './failures.ts';
import { notify, notifyOfForwardOnly } from './notify.ts';
import { rollBack } from './rollback.ts';
import { soakAndPassGate } from './soak.ts';

/** Loading a runbook and asking the platform which version serves. */
const RESOLVE_MS = 60_000;

/**
 * Deploys one version of one service as its runbook says. Takes a {@link DeploymentRequest}; closes as completed with
 * the report, as failed with the report in the failure's details, or as cancelled after the rollback.
 */
export async function blueGreenDeployment(request: DeploymentRequest): Promise<DeploymentReport> {
  const deployment = openDeployment(request);
  await refuseWrongId(deployment);
  await refuseTimeLimit(deployment);

  await orRefuse(deployment, async () => {
    await resolvePlan(deployment, request);
    // Nothing is changed yet: what cannot be read soon is refused, to be started again.
    const readMetrics = () => readBaseline(deployment, { timeoutMs: deployment.plan().judge.staleMs });
    // A checklist alone shows all that it finds, also where the metrics cannot be read.
    if (!request.checklistOnly) await readMetrics();
    await passChecklist(deployment);
    if (request.checklistOnly) await readMetrics();
  });
  if (request.checklistOnly) return checked(deployment);

  return orRollBack(deployment, async () => {
    const announced = notifyOfForwardOnly(deployment);
    await deployGreen(deployment);
    await proveBeforeTraffic(deployment);
    notifyOfForwardOnly(deployment, announced);
    // Green is up: an outage of the metrics is waited for as in a soak. A slow source delivers late, besides.
    const { judge, watch } = deployment.plan();
    const timeoutMs = Math.max(watch.maxUnwatchedMs, 2 * judge.staleMs);
    let watchState = await readBaseline(deployment, { timeoutMs, beforeShift: true });
    const { traffic } = deployment.plan();
    for (const [index, step] of traffic.entries()) {
      await shiftTraffic(deployment, step);
      watchState = await soakAndPassGate(deployment, step, traffic[index + 1], watchState);
    }
    return completed(deployment);
  });
}

/** The workflow id is the lock (invariant 13); under another id two deployments could run at once. */
async function refuseWrongId(deployment: Deployment): Promise<void> {
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
async function refuseTimeLimit(deployment: Deployment): Promise<void> {
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

async function resolvePlan(deployment: Deployment, request: DeploymentRequest): Promise<void> {
  const plan = await work('resolve the runbook', RESOLVE_MS).resolvePlan(request);
  deployment.change((status) => planned(status, plan));
}

/** The counters of now, from which the first soak counts. */
async function readBaseline(
  deployment: Deployment,
  asked: Pick<Parameters<Activities['readBaseline']>[0], 'timeoutMs' | 'beforeShift'>,
): Promise<WatchState> {
  const { target, judge } = deployment.plan();
  const { watchState } = await work('read the metrics', asked.timeoutMs + ANSWER_MS).readBaseline({
    target,
    rules: judge,
    ...asked,
  });
  return watchState;
}

async function deployGreen(deployment: Deployment): Promise<void> {
  const { target, deploy } = deployment.plan();
  deployment.change((status, at) => entered(status, 'deploying', at));
  await work(`deploy ${target.green} at 0 %`, deploy.timeoutMs).deployGreen({ target, ...deploy });
  deployment.change(greenDeployed);
}

async function shiftTraffic(deployment: Deployment, { percentage }: TrafficStep): Promise<void> {
  const { target, shift } = deployment.plan();
  deployment.change(shiftBegun);
  await work(`shift to ${percentage} %`, shift.timeoutMs).shiftTraffic({ target, percentage, ...shift });
}

function checked(deployment: Deployment): Promise<DeploymentReport> {
  const { service, environment, version } = deployment.status();
  const outcome = `The checklist for ${service} ${version} in ${environment} is passed. Nothing was deployed.`;
  return closeDeployment(deployment, 'completed', outcome);
}

function completed(deployment: Deployment): Promise<DeploymentReport> {
  const { service, environment, version } = deployment.status();
  const outcome = `${service} ${version} serves all traffic in ${environment} and kept its limits to the end.`;
  return closeDeployment(deployment, 'completed', outcome);
}

/** Before the first change: whatever goes wrong closes the deployment, and there is nothing to undo. */
async function orRefuse(deployment: Deployment, body: () => Promise<void>): Promise<void> {
  try {
    await deployment.scope.run(body);
  } catch (error) {
    const { ending, plan } = deployment.status();
    if (ending)
      throw await closeAsFailed(
        deployment,
        'refused',
        FAILURE.ChecklistFailed,
        `${byWhom(ending)} Nothing was deployed.`,
        error,
      );
    if (CancellationScope.current().consideredCancelled) {
      const outcome = 'Cancelled before anything was deployed.';
      await closeDeployment(deployment, 'cancelled', outcome);
      // Not `error`: a worker that was lost meanwhile has made a time-out of it, and that would close as failed.
      throw new CancelledFailure(outcome);
    }
    const why = errorMessage(error);
    throw await (plan
      ? closeAsFailed(deployment, 'refused', FAILURE.ChecklistFailed, `${sentence(why)} Nothing was deployed.`, error)
      : closeAsFailed(deployment, 'refused', FAILURE.InvalidRequest, why, error));
  }
}

/** From the moment before the first change: every way out but success goes through the rollback (invariant 6). */
async function orRollBack(deployment: Deployment, body: () => Promise<DeploymentReport>): Promise<DeploymentReport> {
  let full = false;
  const minding = async (): Promise<void> => {
    await CancellationScope.nonCancellable(() => condition(isHistoryNearlyFull));
    full = true;
    deployment.scope.cancel();
  };
  void minding();
  try {
    return await deployment.scope.run(body);
  } catch (error) {
    const why = full ? historyFull() : whyRollBack(deployment, error);
    await rollBack(deployment, why);

    const { service, version, plan, rollback } = deployment.status();
    const recovery =
      rollback?.recoveryMs === undefined
        ? ''
        : ` Recovery took ${seconds(rollback.recoveryMs)} (target ${seconds(plan?.recovery.targetMs ?? 0)}).`;
    const accepted = rollback?.recovered?.accepted ? ` ${recoveryWords(rollback.recovered)}` : '';
    const stays = schemaStays(deployment.status());
    const schema = stays === undefined ? '' : ` ${stays.charAt(0).toUpperCase()}${stays.slice(1)}.`;
    const outcome = `${service} ${version} was rolled back to ${plan?.target.blue}: ${sentence(why.reason)}${recovery}${accepted}${schema}`;
    await CancellationScope.nonCancellable(() => notify(deployment, 'rolled-back', 'warning', outcome));
    if (why.cause !== 'cancelled')
      throw await closeAsFailed(deployment, 'rolled-back', FAILURE.DeploymentRolledBack, outcome, error);
    await closeDeployment(deployment, 'cancelled', outcome);
    throw new CancelledFailure(outcome);
  }
}

/**
 * The server ends a workflow whose history holds 50 MB or 51,200 events as `terminate` does. That takes a flood of large
 * messages; the rest is for the rollback.
 */
function isHistoryNearlyFull(): boolean {
  const { historySize, historyLength } = workflowInfo();
  return historySize > 30_000_000 || historyLength > 30_000;
}

function historyFull(): Pick<RollbackStatus, 'cause' | 'reason' | 'detectedAt'> {
  const { historySize, historyLength } = workflowInfo();
  return {
    cause: 'history-full',
    reason: `Its history is nearly full (${Math.round(historySize / 1e6)} MB, ${historyLength} events): too many or too large messages were sent to it.`,
    detectedAt: Date.now(),
  };
}

function whyRollBack(deployment: Deployment, error: unknown): Pick<RollbackStatus, 'cause' | 'reason' | 'detectedAt'> {
  const { ending, phase } = deployment.status();
  if (error instanceof RollbackRequired)
    return { cause: error.why, reason: error.message, detectedAt: error.detectedAt };
  const detectedAt = Date.now();
  if (ending) return { cause: ending.cause, reason: byWhom(ending), detectedAt };
  if (CancellationScope.current().consideredCancelled)
    return { cause: 'cancelled', reason: `Cancelled while ${phase}.`, detectedAt };
  return { cause: 'failed-step', reason: `It failed while ${phase}: ${errorMessage(error)}`, detectedAt };
}

function byWhom({ cause, by, reason }: NonNullable<DeploymentStatus['ending']>): string {
  return `${cause === 'aborted' ? 'Aborted' : 'Rejected'} by ${by}${reason === undefined ? '' : `: ${reason}`}.`;
}

/** Reasons come from judges, people and commands, with and without a full stop. */
function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

/** The failure that closes the deployment: its message alone tells what happened, its details hold the report. */
async function closeAsFailed(
  deployment: Deployment,
  phase: Phase,
  type: string,
  message: string,
  cause?: unknown,
): Promise<ApplicationFailure> {
  return withoutStack(
    ApplicationFailure.create({
      type,
      message,
      nonRetryable: true,
      details: [await closeDeployment(deployment, phase, message)],
      ...(cause instanceof Error ? { cause } : {}),
    }),
  );
}
