import { CancellationScope, log, workflowInfo } from '@temporalio/workflow';
import { buildReport, closed, type DeploymentReport, type Phase, reportKept } from '../domain/index.ts';
import { workAtMost } from './activity-proxy.ts';
import type { Deployment } from './deployment.ts';
import { errorMessage } from './failures.ts';

/** Bound of one attempt to write the report; with the tries it is given up after about 20 s, a full disk much sooner. */
const WRITE_MS = 6_000;
const WRITE_ATTEMPTS = 3;

/**
 * Every ending goes through here: the deployment is closed, takes no decision any more, and its report is written where
 * the worker keeps reports. Whether that works changes nothing about the outcome, and nothing ends it early.
 */
export async function closeDeployment(
  deployment: Deployment,
  phase: Phase,
  outcome: string,
): Promise<DeploymentReport> {
  deployment.change((status, at) => closed(status, phase, outcome, at));
  const report = buildReport(deployment.status());
  const { workflowId, runId } = workflowInfo();
  const name = deployment.status().plan?.target.deployment ?? `${workflowId}/${runId}`;
  try {
    const { where } = await CancellationScope.nonCancellable(() =>
      workAtMost(WRITE_ATTEMPTS, 'write the report', WRITE_MS).writeReport({ deployment: name, report }),
    );
    deployment.change((status) => reportKept(status, { where }));
  } catch (error) {
    const problem = errorMessage(error);
    log.error('the report could not be written', { deployment: name, problem });
    deployment.change((status) => reportKept(status, { problem }));
  }
  return report;
}
