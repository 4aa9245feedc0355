import type { Decision } from './decision.ts';
import { refusal } from './decisions.ts';
import { type CheckStatus, type DeploymentStatus, isPassed, isUnderWay, openGate } from './status.ts';

/**
 * What people are asked to decide now, the likeliest first: for Temporal's UI and for the keys alike. Each would be taken once
 * the name and the reason are filled in. They are left empty here, so that nobody signs with somebody else's name.
 */
export function availableDecisions(status: DeploymentStatus): Decision[] {
  if (status.ending && !status.rollback) return [];
  return asked(status).filter((decision) => refusal(status, decision) === undefined);
}

function asked(status: DeploymentStatus): Decision[] {
  const { rollback } = status;
  if (rollback)
    // A round that goes on needs nobody, unless one failed before it.
    return [
      ...(status.phase === 'rollback-stalled' ? [{ action: 'retryRollback', by: '' } as const] : []),
      ...((rollback.problem ?? rollback.problemBefore) === undefined
        ? []
        : [{ action: 'acceptRecovery', by: '', reason: '' } as const]),
    ];
  const gate = openGate(status);
  return [
    ...(status.phase === 'checking' ? status.checks.flatMap(aboutCheck) : []),
    ...(gate
      ? [
          { action: 'approve', by: '', gate: gate.id } as const,
          { action: 'reject', by: '', reason: '', gate: gate.id } as const,
        ]
      : []),
    ...(status.held ? [{ action: 'overrideFreeze', by: '', reason: '' } as const] : []),
    { action: 'abort', by: '', reason: '' },
  ];
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
