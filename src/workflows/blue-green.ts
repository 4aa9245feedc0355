import { CancellationScope, CancelledFailure, condition, workflowInfo } from '@temporalio/workflow';
import {
  type Activities,
  ANSWER_MS,
  currentStep,
  type DeploymentReport,
  type DeploymentRequest,
  entered,
  FAILURE,
  greenDeployed,
  opened,
  planned,
  type RollbackStatus,
  rolledBackWords,
  type WatchState,
} from '../domain/index.ts';
import { work, workForSure } from './activity-proxy.ts';
import { passChecklist, proveBeforeTraffic } from './checklist.ts';
import { closeAsFailed, closeDeployment } from './close.ts';
import { type Deployment, openDeployment } from './deployment.ts';
import { errorMessage, RollbackRequired } from './failures.ts';
import { passFreezesAtStart } from './hold.ts';
import { keepUntil, startKeepingBlue } from './keep-blue.ts';
import { notify, notifyOfDecision, notifyOfForwardOnly, notifyOfRolledBack, notifyOfStart } from './notify.ts';
import { byWhom, orRefuse, refuseCron, refuseTimeLimit, refuseWrongId } from './refuse.ts';
import { rollBack } from './rollback.ts';
import { shiftTraffic } from './shift.ts';
import { soakAndPassGate } from './soak.ts';

/** Loading a runbook and asking the platform which version serves. */
const RESOLVE_MS = 60_000;

/**
 * Deploys one version of one service as its runbook says. Takes a {@link DeploymentRequest}; closes as completed with
 * the report, as failed with the report in the failure's details, or as cancelled after the rollback.
 */
export async function blueGreenDeployment(request: DeploymentRequest): Promise<DeploymentReport> {
  const deployment = openDeployment(opened(request, Date.now()), notifyOfDecision);
  await refuseWrongId(deployment);
  await refuseTimeLimit(deployment);
  await refuseCron(deployment);

  await orRefuse(deployment, async () => {
    const resolve = () => resolvePlan(deployment, request);
    await resolve();
    if (!request.checklistOnly) {
      await passFreezesAtStart(deployment, request, resolve);
      notifyOfStart(deployment);
    }
    // Nothing is changed yet: what cannot be read soon is refused, to be started again.
    const readMetrics = () => readBaseline(deployment, { timeoutMs: deployment.plan().judge.staleMs });
    // A checklist alone shows all that it finds, also where the metrics cannot be read.
    if (!request.checklistOnly) await readMetrics();
    await passChecklist(deployment);
    if (request.checklistOnly) await readMetrics();
  });
  if (request.checklistOnly) return checked(deployment);

  return orRollBack(deployment, async () => {
    let announced = notifyOfForwardOnly(deployment);
    await deployGreen(deployment);
    const proveReady = async (): Promise<WatchState> => {
      await proveBeforeTraffic(deployment);
      announced = notifyOfForwardOnly(deployment, announced);
      // Green is up: an outage of the metrics is waited for as in a soak. A slow source delivers late, besides.
      const { judge, watch } = deployment.plan();
      const timeoutMs = Math.max(watch.maxUnwatchedMs, 2 * judge.staleMs);
      return readBaseline(deployment, { timeoutMs, beforeShift: true });
    };
    let watchState = await proveReady();
    const { traffic } = deployment.plan();
    for (const [index, step] of traffic.entries()) {
      watchState = await shiftTraffic(deployment, step, { step: traffic[index - 1], watchState, proveReady });
      watchState = await soakAndPassGate(deployment, step, traffic[index + 1], watchState);
    }
    return completed(deployment);
  });
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
  await workForSure(`deploy ${target.green} at 0 %`, deploy.timeoutMs).deployGreen({ target, ...deploy });
  deployment.change(greenDeployed);
}

function checked(deployment: Deployment): Promise<DeploymentReport> {
  const { service, environment, version } = deployment.status();
  const outcome = `The checklist for ${service} ${version} in ${environment} is passed. Nothing was deployed.`;
  return closeDeployment(deployment, 'completed', outcome);
}

async function completed(deployment: Deployment): Promise<DeploymentReport> {
  const { service, environment, version } = deployment.status();
  const kept = keepUntil(deployment);
  const { code, reason } = currentStep(deployment.status())?.windows.at(-1) ?? {};
  const isLate = code === 'blue-has-traffic';
  const outcome = isLate
    ? `${service} ${version} kept its limits in ${environment} to the end, and the router sends all traffic to it, but ${reason}. Find out why before you stop blue.${kept}`
    : `${service} ${version} serves all traffic in ${environment} and kept its limits to the end.${kept}`;
  await CancellationScope.nonCancellable(() => notify(deployment, 'completed', isLate ? 'warning' : 'info', outcome));
  const report = await closeDeployment(deployment, 'completed', outcome);
  await startKeepingBlue(deployment);
  return report;
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
    const outcome = rolledBackWords(deployment.status());
    await CancellationScope.nonCancellable(() => notifyOfRolledBack(deployment, outcome));
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
