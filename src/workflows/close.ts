import { ApplicationFailure, CancellationScope, log, workflowInfo } from '@temporalio/workflow';
import {
  buildReport,
  closed,
  type DeploymentReport,
  type DeploymentStatus,
  type Phase,
  reportKept,
} from '../domain/index.ts';
import { workAtMost } from './activity-proxy.ts';
import type { Deployment } from './deployment.ts';
import { errorMessage, withoutStack } from './failures.ts';
import { aboutDeployment } from './log.ts';
import { notifyOfRefusal } from './notify.ts';

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
    logEnd(deployment.status(), { report: where });
  } catch (error) {
    const problem = errorMessage(error);
    deployment.change((status) => reportKept(status, { problem }));
    logEnd(deployment.status(), { reportProblem: problem });
  }
  return report;
}

/** The failure that closes the deployment: its message alone tells what happened, its details hold the report. */
export async function closeAsFailed(
  deployment: Deployment,
  phase: Phase,
  type: string,
  message: string,
  cause?: unknown,
): Promise<ApplicationFailure> {
  if (phase === 'refused') await notifyOfRefusal(deployment, message);
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

/** The one line in the worker's log that says how it ended. */
function logEnd(status: DeploymentStatus, report: Readonly<Record<string, string>>): void {
  const { phase, outcome } = status;
  const level = 'reportProblem' in report ? 'error' : phase === 'completed' ? 'info' : 'warn';
  log[level](`The deployment is ${phase}: ${outcome}`, { ...aboutDeployment(status), phase, ...report });
}
