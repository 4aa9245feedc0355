import { type Decision, refusal } from './decisions.ts';
import { type CheckStatus, type DeploymentStatus, isApproved, isPassed, isUnderWay, openGate } from './status.ts';

/**
 * What a person can send as `decide` now, the likeliest first. What is theirs to say is empty, and refused until it is
 * filled in: a name that is pasted along would sign for somebody else.
 */
export function answers(status: DeploymentStatus): Decision[] {
  if (status.ending && !status.rollback) return [];
  const abort: Decision = { action: 'abort', by: '', reason: '' };
  switch (status.phase) {
    case 'checking':
      return [...status.checks.flatMap(aboutCheck), abort];
    case 'soaking':
    case 'awaiting-approval': {
      const gate = openGate(status);
      if (!gate || isApproved(gate)) return [abort];
      return [
        { action: 'approve', by: '', gate: gate.id },
        { action: 'reject', by: '', reason: '', gate: gate.id },
      ];
    }
    case 'resolving':
    case 'deploying':
    case 'shifting':
      return [abort];
    case 'rollback-stalled':
      return [{ action: 'retryRollback', by: '' }, ...acceptance(status)];
    case 'rolling-back':
      return acceptance(status);
    case 'completed':
    case 'rolled-back':
    case 'refused':
    case 'cancelled':
      return [];
  }
}

/** Only after a round that failed: one that works needs nobody. */
function acceptance(status: DeploymentStatus): Decision[] {
  const decision: Decision = { action: 'acceptRecovery', by: '', reason: '' };
  return status.rollback?.problem !== undefined && refusal(status, decision) === undefined ? [decision] : [];
}

function aboutCheck(check: CheckStatus): Decision[] {
  if (isPassed(check) || isUnderWay(check)) return [];
  const { id } = check;
  const waive: Decision[] = check.critical ? [] : [{ action: 'waive', check: id, by: '', reason: '' }];
  if (check.checkedBy === 'person') return [{ action: 'attest', check: id, by: '' }, ...waive];
  if (check.outcome === 'waiting') return [];
  return [
    ...(check.remedy && check.outcome === 'failed'
      ? [{ action: 'recheck', check: id, remedy: true, by: '' } as const]
      : []),
    { action: 'recheck', check: id, by: '' },
    ...waive,
  ];
}
