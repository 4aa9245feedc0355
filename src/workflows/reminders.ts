import { condition } from '@temporalio/workflow';
import { isApproved, missingApprovals, openGate, withoutAnswer } from '../domain/index.ts';
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
    const since = new Date(phaseSince).toISOString().slice(0, 16).replace('T', ' ');
    const until =
      gate.until === undefined
        ? ''
        : `, until ${new Date(gate.until).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
    void notify(
      deployment,
      'reminder',
      'warning',
      `${service} ${version} in ${environment} waits since ${since} UTC for ${missingApprovals(gate, requestedBy)} of ${gateId}${until}; ${withoutAnswer(gate)}.`,
    );
  }
}
