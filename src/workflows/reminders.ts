import { condition } from '@temporalio/workflow';
import { isApproved, missingApprovals, openGate, withoutAnswer } from '../domain/index.ts';
import { dateMinute } from '../format/index.ts';
import type { Deployment } from './deployment.ts';
import { notify } from './notify.ts';

/** Reminds people while this gate is open and lacks approvals. Returns when it is decided. */
export async function remindOfGate(deployment: Deployment, gateId: string, everyMs: number): Promise<void> {
  const isOver = (): boolean => openGate(deployment.status())?.id !== gateId;
  while (!(await condition(isOver, everyMs, { summary: `remind of ${gateId}` }))) {
    const status = deployment.status();
    const gate = openGate(status);
    if (!gate || isApproved(gate)) continue;
    const { service, version, environment, requestedBy, phaseSince } = status;
    const until = gate.until === undefined ? '' : `, until ${dateMinute(gate.until)}`;
    void notify(
      deployment,
      'reminder',
      'warning',
      `${service} ${version} in ${environment} waits since ${dateMinute(phaseSince)} for ${missingApprovals(gate, requestedBy)} of ${gateId}${until}; ${withoutAnswer(gate)}.`,
    );
  }
}
