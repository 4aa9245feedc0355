import { ApplicationFailure, CancellationScope, condition } from '@temporalio/workflow';
import {
  type CheckStatus,
  checklistBegun,
  checklistReopened,
  checkMeasured,
  checkStarted,
  FAILURE,
  isPassed,
  isToMeasure,
  remedyEnded,
  remedyStarted,
  waitingFor,
} from '../domain/index.ts';
import { sentence } from '../format/index.ts';
import { work } from './activity-proxy.ts';
import type { Deployment } from './deployment.ts';
import { errorMessage } from './failures.ts';
import { notify } from './notify.ts';

/** Who ran a remedy that the runbook makes automatic. */
const BY_ITSELF = 'the runbook';

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
  await passAll(deployment, until);
}

/**
 * Right before the first shift, with green deployed at 0 %: what was proven may be hours old, so that the cheap checks are
 * measured again, and those that are about green itself for the first time. They wait for people as the checklist does.
 */
export async function proveBeforeTraffic(deployment: Deployment): Promise<void> {
  const { checklist, verifyGreen } = deployment.plan();
  const until = Date.now() + checklist.timeoutMs;
  if (verifyGreen.length === 0 && !checklist.checks.some(({ again }) => again)) return;
  deployment.change((status, at) => checklistReopened(status, verifyGreen, at, until));
  await passAll(deployment, until);
}

/** Groups side by side; one that cannot pass ends the measuring in the others. */
async function passAll(deployment: Deployment, until: number): Promise<void> {
  const groups = [...new Set(deployment.status().checks.map(({ group }) => group))];
  let failure: unknown;
  await CancellationScope.cancellable(async () => {
    const scope = CancellationScope.current();
    const passing = groups.map((group) =>
      passGroup(deployment, group, until).catch((error: unknown) => {
        failure ??= error;
        scope.cancel();
      }),
    );
    await Promise.all(passing);
  });
  if (failure !== undefined) throw failure;
}

/** The checks of one group in order, since a later one may rest on an earlier one. */
async function passGroup(deployment: Deployment, group: string, until: number): Promise<void> {
  const checks = (): CheckStatus[] => deployment.status().checks.filter((check) => check.group === group);
  for (;;) {
    for (let next = checks().find(isToMeasure); next; next = checks().find(isToMeasure)) await pass(deployment, next);
    if (checks().every(isPassed)) return;
    const moves = (): boolean => checks().every(isPassed) || checks().some(isToMeasure);
    notifyOfWait(deployment, checks());
    const left = Math.max(1, until - Date.now());
    if (!(await condition(moves, left, { summary: `${group} has to pass` }))) throw notInTime(deployment);
  }
}

/** The checks of one group that wait for people, and how each is unblocked. */
function notifyOfWait(deployment: Deployment, checks: readonly CheckStatus[]): void {
  const { service, version, environment } = deployment.status();
  const wait = waitingFor({ ...deployment.status(), checks });
  if (!wait) return;
  const text = `${service} ${version} in ${environment} waits for people: ${sentence(wait.what)} To go on: ${sentence(wait.unblockedBy)}`;
  void notify(deployment, 'check-waits', 'warning', text);
}

function notInTime(deployment: Deployment): ApplicationFailure {
  const open = waitingFor(deployment.status())?.what ?? 'a check that was still being measured';
  return ApplicationFailure.nonRetryable(
    `The checklist was not passed in its time. Still open: ${open}`,
    FAILURE.ChecklistFailed,
  );
}

/** Measures; where it fails and a remedy may be run, runs that and measures again. */
async function pass(deployment: Deployment, check: CheckStatus): Promise<void> {
  const { id, remedy, asked } = check;
  await measure(deployment, check);
  const { outcome, remedies = [] } = statusOf(deployment, id);
  if (outcome !== 'failed' || !remedy) return;
  const isFirst = !remedies.some(({ by }) => by === BY_ITSELF);
  const by = asked?.remedy ? asked.by : remedy.automatic && isFirst ? BY_ITSELF : undefined;
  if (by === undefined) return;

  deployment.change((status) => remedyStarted(status, id));
  const { target } = deployment.plan();
  const startedAt = Date.now();
  const result = await work(`remedy: ${check.title}`, remedy.timeoutMs)
    .runRemedy({ target, checkId: id })
    .catch((error: unknown) => {
      if (CancellationScope.current().consideredCancelled) throw error;
      return { done: false, summary: errorMessage(error), startedAt, durationMs: Date.now() - startedAt };
    });
  deployment.change((status) => remedyEnded(status, id, { ...result, by }));
  await measure(deployment, check);
}

async function measure(deployment: Deployment, { id, title, timeoutMs }: CheckStatus): Promise<void> {
  deployment.change((status) => checkStarted(status, id));
  const { target } = deployment.plan();
  const { deployedAt } = deployment.status();
  const checkedAt = Date.now();
  const result = await work(title, timeoutMs)
    .runCheck({ target, checkId: id, greenIsUp: deployedAt !== undefined })
    .catch((error: unknown) => {
      if (CancellationScope.current().consideredCancelled) throw error;
      return {
        passed: false,
        unmeasured: true as const,
        summary: errorMessage(error),
        evidence: [],
        checkedAt,
        durationMs: Date.now() - checkedAt,
      };
    });
  deployment.change((status) => checkMeasured(status, id, result));
}

function statusOf(deployment: Deployment, id: string): CheckStatus {
  const check = deployment.status().checks.find((one) => one.id === id);
  if (!check) throw new Error(`there is no check ${id}`);
  return check;
}
