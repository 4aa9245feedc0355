import { ApplicationFailure, condition } from '@temporalio/workflow';
import { FAILURE } from '../errors.ts';
import { inWords } from './causes.ts';
import type { Deployment } from './deployment.ts';
import { type CheckStatus, isPassed, waitingFor } from './status.ts';
import { checklistBegun, checkMeasured, checkStarted } from './transitions.ts';
import { work } from './work.ts';

/**
 * Returns when every check has passed, or was attested or waived. A failed check does not end the deployment: it
 * waits, in sight, for `recheck`, `waive`, `attest` or `abort`.
 *
 * @throws ApplicationFailure `ChecklistFailed` when that takes longer than the runbook allows.
 */
export async function passChecklist(deployment: Deployment): Promise<void> {
  const { checks, timeoutMs } = deployment.plan().checklist;
  if (checks.length === 0) return;
  const until = Date.now() + timeoutMs;
  deployment.change((status, at) => checklistBegun(status, at, until));

  for (;;) {
    const { rechecksAsked } = deployment.status();
    await measureOpenChecks(deployment);
    const settled = (): boolean =>
      deployment.status().checks.every(isPassed) || deployment.status().rechecksAsked > rechecksAsked;
    if (
      !settled() &&
      !(await condition(settled, Math.max(1, until - Date.now()), { summary: 'the checklist has to pass' }))
    )
      throw ApplicationFailure.nonRetryable(
        `The checklist was not passed in its time. Nothing was changed. Still open: ${waitingFor(deployment.status())?.what}`,
        FAILURE.ChecklistFailed,
      );
    if (deployment.status().checks.every(isPassed)) return;
  }
}

/** Groups side by side; the checks of one group in order, since a later one may rest on an earlier one. */
async function measureOpenChecks(deployment: Deployment): Promise<void> {
  const open = deployment.status().checks.filter((check) => check.checkedBy === 'worker' && !isPassed(check));
  const groups = [...new Set(open.map((check) => check.group))];
  await Promise.all(
    groups.map(async (group) => {
      for (const check of open.filter((one) => one.group === group)) await measure(deployment, check);
    }),
  );
}

async function measure(deployment: Deployment, { id, title, timeoutMs }: CheckStatus): Promise<void> {
  deployment.change((status) => checkStarted(status, id));
  const { target } = deployment.plan();
  const result = await work(title, timeoutMs)
    .runCheck({ target, checkId: id })
    .catch((error: unknown) => {
      if (deployment.scope.consideredCancelled) throw error;
      return {
        passed: false,
        unmeasured: true as const,
        summary: inWords(error),
        evidence: [],
        checkedAt: Date.now(),
        durationMs: 0,
      };
    });
  deployment.change((status) => checkMeasured(status, id, result));
}
