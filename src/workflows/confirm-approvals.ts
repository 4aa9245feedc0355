import { condition } from '@temporalio/workflow';
import { approvalsConfirmed, type GateStatus, openGate } from '../domain/index.ts';
import { work } from './activity-proxy.ts';
import type { Deployment } from './deployment.ts';
import { errorMessage } from './failures.ts';

/** Bound of one attempt to read a file of groups, or the history. */
const CONFIRM_MS = 60_000;
/** Longest pause after checks that confirmed nobody: a flood of approvals in false names must not fill the history. */
const LONGEST_PAUSE_MS = 300_000;

/**
 * Confirms the approvals of this gate that a worker has to look up, all that wait at once, until the gate is decided. While the
 * lookup fails they stay pending, and the status says why.
 */
export async function confirmApprovals(deployment: Deployment, gateId: string): Promise<void> {
  const gate = (): GateStatus | undefined => {
    const open = openGate(deployment.status());
    return open?.id === gateId ? open : undefined;
  };
  for (let fruitless = 0; ; ) {
    await condition(() => gate()?.pending !== undefined || !gate());
    const { approvers, identity, notRequester, pending } = gate() ?? {};
    if (!pending) return;
    const { target } = deployment.plan();
    const result = await work('confirm approvals', CONFIRM_MS)
      .confirmApprovals({
        target,
        approvals: pending,
        ...(approvers && { approvers }),
        ...(identity && { identity }),
        ...(notRequester && { notRequester }),
      })
      .catch((error: unknown) => ({ problem: errorMessage(error) }));
    const before = gate()?.approvedBy.length ?? 0;
    deployment.change((status, at) => approvalsConfirmed(status, result, at));
    const { length } = gate()?.approvedBy ?? [];
    fruitless = length > before ? 0 : fruitless + 1;
    if (fruitless > 0) await condition(() => !gate(), pauseMs(fruitless), { summary: 'before the next confirmation' });
  }
}

function pauseMs(fruitless: number): number {
  return Math.min(1_000 * 2 ** fruitless, LONGEST_PAUSE_MS);
}
