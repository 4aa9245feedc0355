import { CancellationScope, isCancellation, log, setCurrentDetails, sleep, startChild } from '@temporalio/workflow';
import { blueKept, type DeploymentTarget, keepBlueWorkflowId, type RetiredBlue } from '../domain/index.ts';
import { dateMinute } from '../format/index.ts';
import { work } from './activity-proxy.ts';
import type { Deployment } from './deployment.ts';
import { errorMessage } from './failures.ts';
import { aboutDeployment } from './log.ts';

/** A router that cannot be read now may be readable again within this. */
const RETRIED_MS = 900_000;
const NOTIFY_MS = 15_000;

export interface KeptBlue {
  readonly target: DeploymentTarget;
  /** Epoch milliseconds. */
  readonly until: number;
  /** Bound of stopping it. */
  readonly timeoutMs: number;
}

/**
 * Keeps the blue of a completed deployment until its time is over, then has it stopped. A rollback ends this before it moves
 * traffic, and the next deployment before it deploys: they decide what becomes of blue.
 */
export async function blueGreenKeepBlue({ target, until, timeoutMs }: KeptBlue): Promise<RetiredBlue> {
  const { service, environment, blue } = target;
  setCurrentDetails(
    `Blue, ${service} ${blue} in ${environment}, runs on until ${dateMinute(until)}. Then it is stopped, unless it has traffic. To keep it running, cancel this workflow.`,
  );
  await sleep(Math.max(0, until - Date.now()), { summary: `keep ${blue} running` });
  const notify = (text: string): Promise<unknown> =>
    work('notify', NOTIFY_MS, NOTIFY_MS)
      .notify({ target, severity: 'warning', text })
      .catch((error: unknown) =>
        log.error('a notification could not be delivered', { text, problem: errorMessage(error) }),
      );
  try {
    const retired = await work(`retire ${blue}`, timeoutMs, RETRIED_MS).retireBlue({ target });
    if (retired.retiredAt === undefined)
      await notify(
        `${service} ${blue} in ${environment} was not retired: ${retired.evidence.map(({ measured }) => measured).join('; ')}. It runs on; stop it yourself when it has no traffic.`,
      );
    return retired;
  } catch (error) {
    if (!isCancellation(error))
      await notify(
        `${service} ${blue} in ${environment} could not be retired: ${errorMessage(error)}. It runs on; stop it yourself if it has no traffic.`,
      );
    throw error;
  }
}

/** Records in the status until when blue runs on, if the runbook says so. @returns a sentence for the outcome, or nothing */
export function keepUntil(deployment: Deployment): string {
  const { keepBlueMs, target } = deployment.plan();
  if (keepBlueMs === undefined) return '';
  const until = Date.now() + keepBlueMs;
  deployment.change((status) => blueKept(status, until));
  return ` ${target.blue} is kept until ${dateMinute(until)}: "bluegreen rollback" goes back to it.`;
}

/** Starts the wait of a completed deployment whose blue is kept. Never throws: the deployment is complete. */
export async function startKeepingBlue(deployment: Deployment): Promise<void> {
  const { blueKeptUntil: until } = deployment.status();
  if (until === undefined) return;
  const { target, deploy } = deployment.plan();
  const { service, environment } = target;
  const kept: KeptBlue = { target, until, timeoutMs: deploy.timeoutMs };
  try {
    await CancellationScope.nonCancellable(() =>
      startChild(blueGreenKeepBlue, {
        workflowId: keepBlueWorkflowId(service, environment),
        // A worker of an older version does not end the wait of the deployment before.
        workflowIdReusePolicy: 'TERMINATE_IF_RUNNING',
        args: [kept],
        parentClosePolicy: 'ABANDON',
        staticSummary: `${service} ${target.blue} in ${environment} is kept until ${dateMinute(until)}`,
      }),
    );
  } catch (error) {
    log.error('blue is not retired automatically', {
      ...aboutDeployment(deployment.status()),
      problem: errorMessage(error),
    });
  }
}
