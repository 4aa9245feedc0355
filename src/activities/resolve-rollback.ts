import { ApplicationFailure } from '@temporalio/common';
import {
  type Activities,
  DEFAULT_ENVIRONMENT,
  type DeploymentPlan,
  deploymentWorkflowId,
  FAILURE,
  keepBlueWorkflowId,
  type ResolvedRollback,
  type RetiredBlue,
  type RollbackRequest,
} from '../domain/index.ts';
import { dateMinute } from '../format/index.ts';
import type { TrafficShares } from '../plugin/index.ts';
import { parseRollbackRequest, type Runbook, toPlan } from '../runbook/index.ts';
import type { PastRun } from '../temporal/index.ts';
import type { RunContext } from '../util/index.ts';
import { messageOf } from '../util/index.ts';
import type { Dependencies } from './dependencies.ts';
import { type Ports, portsOf } from './ports.ts';
import { execution, invalid, refuseTermination, withSearchAttributes } from './resolve-plan.ts';
import { servingVersions } from './serving-versions.ts';
import { firstFew, inPercent, short } from './verify-traffic.ts';
import { pollUntil, withHeartbeat } from './with-heartbeat.ts';

/** A healthy version answers at once; one answer may be lost. */
const HEALTHY_WITHIN_MS = 15_000;
const BETWEEN_ASKS_MS = 1_000;

export function resolveRollback(dependencies: Dependencies): Activities['resolveRollback'] {
  return (sent) =>
    withHeartbeat(async (run) => {
      const request = parseRollbackRequest(sent);
      await refuseTermination(dependencies);
      const { past, plan: planThen } = await lastChange(dependencies, request);
      const { runbook, plan } = await planOf(dependencies, request, planThen);
      const ports = portsOf(dependencies, runbook, plan.target);
      const traffic = await trafficOf(ports, past, plan, run);
      await endKeepingBlue(dependencies, plan, run);
      if (traffic[plan.target.blue] !== 100 && !request.force) await assertBlueHealthy(ports, plan, run);
      return {
        plan: await withSearchAttributes(dependencies, forThisRun(plan, request.force)),
        undoes: {
          run: past.run,
          closed: past.closed === 'completed' ? 'completed' : 'terminated',
          closedAt: past.closedAt,
        },
        greenPercentage: traffic[plan.target.green] ?? past.percentage,
        ...(past.shiftBegunAt === undefined ? {} : { shiftBegunAt: past.shiftBegunAt }),
        ...(past.forwardOnly.length === 0 ? {} : { forwardOnly: past.forwardOnly }),
      } satisfies ResolvedRollback;
    });
}

/** The plan of the deployment and its runbook; or both as the runbook is now. */
async function planOf(
  { runbooks }: Dependencies,
  { currentRunbook }: RollbackRequest,
  plan: DeploymentPlan,
): Promise<{ readonly runbook: Runbook; readonly plan: DeploymentPlan }> {
  const { target } = plan;
  if (!currentRunbook) return { ...(await runbooks.pinnedOrCurrent(target)), plan };
  const { service, environment, blue, green, deployment } = target;
  const found = await runbooks.find(service, environment);
  return { ...found, plan: toPlan({ ...found, request: { service, environment, version: green }, blue, deployment }) };
}

/** The newest run that changed something, if it is to be undone. Checklists and refused deployments before it changed nothing. */
async function lastChange(
  { pastRuns }: Dependencies,
  { service, environment = DEFAULT_ENVIRONMENT, run: newest }: RollbackRequest,
): Promise<{ readonly past: PastRun; readonly plan: DeploymentPlan }> {
  const workflowId = deploymentWorkflowId(service, environment);
  const instead = `To go back to an older version, deploy it: bluegreen start --service ${service}${environment === DEFAULT_ENVIRONMENT ? '' : ` --environment ${environment}`} --version VERSION`;
  for await (const past of pastRuns?.({ workflowId, newest }) ?? []) {
    const { plan, deployBegunAt, rollbackBegunAt, closed } = past;
    if (!plan || (deployBegunAt ?? rollbackBegunAt) === undefined) continue;
    const isUndone = closed !== 'terminated' && (closed !== 'completed' || rollbackBegunAt !== undefined);
    if (!isUndone) return { past, plan };
    throw invalid(
      `There is nothing to roll back: ${service} in ${environment} was rolled back from ${plan.target.green} to ${plan.target.blue} already (run ${past.run}, ${dateMinute(past.closedAt)}). ${instead}`,
    );
  }
  throw invalid(
    `There is nothing to roll back: Temporal has no history of a deployment of ${service} in ${environment} that deployed anything. Either there was none, or it ended before the retention time of the namespace and its history is gone. ${instead}. If the traffic is split, move it to one version by hand first, with the rollback command of your router.`,
  );
}

/** The shares of blue and green; empty where nobody can say them. @throws ApplicationFailure `InvalidRequest` if another version serves. */
async function trafficOf(
  ports: Ports,
  past: PastRun,
  { target }: DeploymentPlan,
  run: RunContext,
): Promise<TrafficShares> {
  const { service, blue, green } = target;
  const left = `The traffic of ${service} is not where its last deployment left it (${blue} to ${green}, ${past.closed} ${dateMinute(past.closedAt)}, run ${past.run})`;
  const shares = await sharesOf(ports, run);
  const serving = shares
    ? Object.keys(shares).filter((version) => (shares[version] ?? 0) > 0)
    : (await servingVersions(ports.metrics(), run.signal)).versions;
  const found = shares ? inPercent(shares) : `requests of ${firstFew(serving.map(short), ' and ')}`;
  if (serving.some((version) => version !== blue && version !== green))
    throw invalid(
      `${left}: found ${found}, expected ${blue} and ${green} alone. Somebody else has changed it since: find out who, and deploy the version that should serve.`,
    );
  // After a termination the traffic may be anywhere, and green still has to be stopped.
  if (past.closed === 'completed' && serving.length > 0 && !serving.includes(green))
    throw invalid(`${left}: found ${found}. ${blue} serves already, so there is nothing to go back from.`);
  return shares ?? {};
}

/** Undefined where the router cannot report them. Parts that disagree are what a termination may leave: blue has not all. */
async function sharesOf(ports: Ports, run: RunContext): Promise<TrafficShares | undefined> {
  try {
    return await ports.router().readTraffic(run);
  } catch (error) {
    run.signal.throwIfAborted();
    if (error instanceof ApplicationFailure && error.type === FAILURE.TrafficDisagrees) return {};
    throw error;
  }
}

/** Traffic never goes back to something worse. @throws ApplicationFailure `InvalidRequest` */
async function assertBlueHealthy(ports: Ports, { target }: DeploymentPlan, run: RunContext): Promise<void> {
  const { service, blue, green } = target;
  const workload = ports.workload();
  let problem = 'it was not asked';
  const until = Date.now() + HEALTHY_WITHIN_MS;
  const healthy = await pollUntil(until, BETWEEN_ASKS_MS, run.signal, async () => {
    try {
      return await workload.checkHealth(blue, run);
    } catch (error) {
      run.signal.throwIfAborted();
      problem = messageOf(error);
      run.heartbeat({ doing: `waiting until ${blue} is healthy`, problem });
      return undefined;
    }
  });
  if (healthy) return;
  throw invalid(
    `${blue} fails its health check, so the traffic of ${service} stays where it is: ${problem}. Start ${blue} again by hand and repeat the command; or deploy it (or a version with a fix) as a new release; or go back to it as it is, with --force, if ${green} is worse.`,
  );
}

/** From here on nothing stops blue. @throws ApplicationFailure `InvalidRequest` if it is stopped already */
async function endKeepingBlue({ endRun }: Dependencies, { target }: DeploymentPlan, run: RunContext): Promise<void> {
  const { service, environment, blue } = target;
  const retired = (await endRun?.({
    workflowId: keepBlueWorkflowId(service, environment),
    reason: `a rollback of ${service} to ${blue} begins`,
    signal: run.signal,
  })) as RetiredBlue | undefined;
  if (retired?.deployment !== target.deployment || retired.retiredAt === undefined) return;
  throw invalid(
    `${blue} was retired (${dateMinute(retired.retiredAt)}, keepBlue in the runbook), so going back to it takes a deployment: bluegreen start --service ${service}${environment === DEFAULT_ENVIRONMENT ? '' : ` --environment ${environment}`} --version ${blue}`,
  );
}

/** It has no checklist and no steps, and operation ids of its own. */
function forThisRun({ keepBlueMs: _, ...plan }: DeploymentPlan, force = false): DeploymentPlan {
  const { workflowId, runId } = execution();
  return {
    ...plan,
    target: { ...plan.target, deployment: `${workflowId}/${runId}` },
    checklist: { ...plan.checklist, checks: [] },
    verifyGreen: [],
    traffic: [],
    rollback: { ...plan.rollback, ...(force && { keepsGreen: true }) },
  };
}
