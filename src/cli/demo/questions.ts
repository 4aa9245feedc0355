import { type DeploymentStatus, isPassed, isStuck, openGate } from '../../domain/index.ts';
import type { Choice } from '../keys/prompt-state.ts';

/** What a deployment asks a person now, and what the demo decides if nobody is at the terminal. */
export interface OpenQuestion {
  /** Stays the same while the question is open. */
  readonly id: string;
  readonly byItself: Choice;
}

/** On a busy machine a check that takes seconds may fail once by chance; a person would repeat it, too. */
const RECHECKS = 5;

/** The question that is open, if any. Pure. */
export function openQuestion(status: DeploymentStatus): OpenQuestion | undefined {
  switch (status.phase) {
    case 'checking':
      return aboutCheck(status);
    case 'awaiting-approval':
      return aboutGate(status);
    case 'rollback-stalled':
      return { id: `stalled-${status.rollback?.round ?? 0}`, byItself: { action: 'retryRollback' } };
    case 'resolving':
    case 'held':
    case 'deploying':
    case 'shifting':
    case 'soaking':
    case 'rolling-back':
    case 'completed':
    case 'rolled-back':
    case 'refused':
    case 'cancelled':
      return undefined;
  }
}

function aboutCheck(status: DeploymentStatus): OpenQuestion | undefined {
  const check = isStuck(status) ? status.checks.find((one) => !isPassed(one)) : undefined;
  if (!check) return undefined;
  if (check.checkedBy === 'person')
    return { id: `attest-${check.id}`, byItself: { action: 'attest', check: check.id } };
  const id = `failed-${check.id}-${status.rechecksAsked}`;
  const mayRunRemedy = check.remedy && check.outcome === 'failed' && (check.remedies ?? []).length < 2;
  if (mayRunRemedy) return { id, byItself: { action: 'recheck', check: check.id, remedy: true } };
  if (!check.critical) return { id, byItself: { action: 'waive', check: check.id, reason: 'waived in the demo' } };
  return status.rechecksAsked < RECHECKS
    ? { id, byItself: { action: 'recheck', check: check.id } }
    : { id, byItself: { action: 'abort', reason: 'aborted in the demo' } };
}

function aboutGate(status: DeploymentStatus): OpenQuestion | undefined {
  const gate = openGate(status);
  if (!gate || gate.approvedBy.length >= gate.required) return undefined;
  return { id: gate.id, byItself: { action: 'approve', gate: gate.id } };
}
