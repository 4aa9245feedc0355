import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import {
  type Activities,
  DEFAULT_ENVIRONMENT,
  type DeploymentPlan,
  type DeploymentRequest,
  FAILURE,
  SEARCH_ATTRIBUTES,
} from '../domain/index.ts';
import type { MetricSource } from '../plugin/index.ts';
import {
  approvalProblem,
  type MembersOf,
  parseRequest,
  type Runbook,
  readGroups,
  toPlan,
  usesGroups,
} from '../runbook/index.ts';
import type { RunContext } from '../util/index.ts';
import { messageOf } from '../util/index.ts';
import type { Dependencies } from './dependencies.ts';
import { freezesNow, refusedByFreezes } from './freezes.ts';
import { portsOf } from './ports.ts';
import { servingVersions } from './serving-versions.ts';
import { firstFew, inPercent, short } from './verify-traffic.ts';
import { withHeartbeat } from './with-heartbeat.ts';

export function resolvePlan(dependencies: Dependencies): Activities['resolvePlan'] {
  return (sent) =>
    withHeartbeat(async (run) => {
      const request = parseRequest(sent);
      await refuseTermination(dependencies);
      const { runbook, digest } = await dependencies.runbooks.find(
        request.service,
        request.environment ?? DEFAULT_ENVIRONMENT,
      );
      await refuseUnapprovable(runbook, request, dependencies);
      const frozen = await freezesNow(dependencies, runbook, { environment: DEFAULT_ENVIRONMENT, ...request });
      const refusal = refusedByFreezes(runbook, frozen, request);
      if (refusal !== undefined) throw invalid(refusal);
      const blue = await findBlue(runbook, request, { dependencies, run });
      const { workflowId, runId } = execution();
      const plan = toPlan({ runbook, digest, request, blue, frozen, deployment: `${workflowId}/${runId}` });
      return withSearchAttributes(dependencies, plan);
    });
}

/** The plan, with the search attributes that may be set now where that is not all of them. */
export async function withSearchAttributes(
  { searchAttributes: registered }: Dependencies,
  plan: DeploymentPlan,
): Promise<DeploymentPlan> {
  const searchAttributes = (await registered?.()) ?? SEARCH_ATTRIBUTES;
  return searchAttributes.length === SEARCH_ATTRIBUTES.length ? plan : { ...plan, searchAttributes };
}

/** The server would end the deployment with its parent: at once, wherever the traffic is, with no rollback. */
export async function refuseTermination({ terminatingParent }: Dependencies): Promise<void> {
  const parent = await terminatingParent?.(execution());
  if (parent === undefined) return;
  throw invalid(
    `This deployment is a child of the workflow "${parent}" with the parent close policy TERMINATE: when that one ends, the server would leave the traffic where it is, without a rollback. Start it with ABANDON, or with REQUEST_CANCEL to have it rolled back then.`,
  );
}

/** It would end in a rollback after hours, or wait for ever. */
async function refuseUnapprovable(runbook: Runbook, request: DeploymentRequest, { env }: Dependencies): Promise<void> {
  const noGroups: MembersOf = () => undefined;
  const membersOf = usesGroups(runbook)
    ? await readGroups(env).catch((error: Error) => {
        throw invalid(`The groups of approvers cannot be read: ${error.message}`);
      })
    : noGroups;
  const problem = approvalProblem(runbook, request, membersOf);
  if (problem !== undefined) throw invalid(problem);
}

export function execution(): { workflowId: string; runId: string } {
  const { workflowExecution } = Context.current().info;
  if (!workflowExecution) throw new Error('this runs only as an activity of a workflow');
  return workflowExecution;
}

interface Means {
  readonly dependencies: Dependencies;
  readonly run: RunContext;
}

/** The version that serves now. A deployment begins only from a settled state: one version with all the traffic. */
async function findBlue(runbook: Runbook, request: DeploymentRequest, { dependencies, run }: Means): Promise<string> {
  const { service, version: green } = request;
  const target = { deployment: '', service, environment: runbook.environment, blue: '', green, digest: '' };
  const ports = portsOf(dependencies, runbook, target);
  const shares = await ports
    .router()
    .readTraffic(run)
    .catch((error: unknown) => {
      run.signal.throwIfAborted();
      const why = messageOf(error);
      throw invalid(`It could not be found out which version of ${service} serves now: ${why}`);
    });
  if (!shares) return findBlueByTraffic(ports.metrics(), service, run);

  const blue = Object.keys(shares).find((version) => shares[version] === 100);
  if (blue !== undefined) return blue;
  if (Object.keys(shares).length === 0)
    throw invalid(`The router says that no version of ${service} serves, expected one version with 100 %.`);
  throw invalid(
    `The traffic of ${service} is split (${inPercent(shares)}), expected one version with 100 %. If the last deployment was terminated, go back with bluegreen rollback first.`,
  );
}

async function findBlueByTraffic(source: MetricSource, service: string, { signal }: RunContext): Promise<string> {
  const { versions, forMs } = await servingVersions(source, signal);
  const [blue, ...others] = versions;
  if (blue !== undefined && others.length === 0) return blue;
  throw invalid(
    `The router cannot report the traffic, and the metrics of ${service} show fresh requests of ${firstFew(versions.map(short), ' and ') || 'no version'} within ${forMs / 1_000} s, expected exactly one. Add router.status, or wait until one version serves.`,
  );
}

export function invalid(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, FAILURE.InvalidRequest);
}
