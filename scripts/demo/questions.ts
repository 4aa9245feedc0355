import type { Decision } from '../../src/workflows/decisions.ts';
import { type DeploymentStatus, isPassed, isStuck, openGate } from '../../src/workflows/status.ts';

export type Choice = Omit<Decision, 'by'>;

/** What a deployment wants to know from a person now. */
export interface Question {
  /** The same question has the same id, however often it is looked at. */
  readonly id: string;
  readonly text: string;
  /** One key for each answer. */
  readonly answers: readonly { readonly key: string; readonly label: string; readonly choice: Choice }[];
  /** What the demo does by itself where nobody can be asked. */
  readonly byItself: Choice;
}

/** The question that is open, if any. Pure. */
export function openQuestion(status: DeploymentStatus): Question | undefined {
  switch (status.phase) {
    case 'checking':
      return aboutCheck(status);
    case 'awaiting-approval':
      return aboutGate(status);
    case 'rollback-stalled':
      return {
        id: `stalled-${status.rollback?.round ?? 0}`,
        text: 'The rollback has stalled; it tries again by itself.',
        answers: [{ key: 't', label: 'try again now', choice: { action: 'retryRollback' } }],
        byItself: { action: 'retryRollback' },
      };
    case 'resolving':
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

const ABORT = { key: 'a', label: 'abort', choice: { action: 'abort', reason: 'aborted in the demo' } } as const;
const WAIVED_WHY = 'waived in the demo';

function aboutCheck(status: DeploymentStatus): Question | undefined {
  if (!isStuck(status)) return undefined;
  const { checks, rechecksAsked } = status;
  const check = checks.find((one) => !isPassed(one));
  if (!check) return undefined;
  const waive: Choice = { action: 'waive', check: check.id, reason: WAIVED_WHY };
  const mayWaive = check.critical ? [] : [{ key: 'w', label: 'waive', choice: waive }];
  if (check.checkedBy === 'person') {
    const attest: Choice = { action: 'attest', check: check.id };
    return {
      id: `attest-${check.id}`,
      text: `${check.title}. Do you confirm: ${check.statement ?? check.title}`,
      answers: [{ key: 'y', label: 'yes, I do', choice: attest }, ...mayWaive, ABORT],
      byItself: attest,
    };
  }
  const remedy: Choice = { action: 'recheck', check: check.id, remedy: true };
  const mayMend = check.remedy && check.outcome === 'failed';
  const lastWay = check.critical ? ABORT.choice : waive;
  return {
    id: `failed-${check.id}-${rechecksAsked}`,
    text: `${check.title}: ${check.result?.summary ?? check.outcome}${check.result?.unblock === undefined ? '' : ` (${check.result.unblock})`}`,
    answers: [
      ...(mayMend ? [{ key: 'm', label: 'run its remedy', choice: remedy }] : []),
      { key: 'r', label: 'recheck', choice: { action: 'recheck' } },
      ...mayWaive,
      ABORT,
    ],
    byItself: mayMend && (check.remedies ?? []).length < 2 ? remedy : lastWay,
  };
}

function aboutGate(status: DeploymentStatus): Question | undefined {
  const gate = openGate(status);
  if (!gate || gate.approvedBy.length >= gate.required) return undefined;
  const next = status.plan?.traffic[status.steps.length];
  const approve: Choice = { action: 'approve', gate: gate.id };
  return {
    id: gate.id,
    text: `Green is healthy at ${status.greenPercentage} %. Approve the shift to ${next?.percentage ?? '?'} %? (It waits for you.)`,
    answers: [
      { key: 'y', label: 'yes, approve', choice: approve },
      {
        key: 'r',
        label: 'reject and roll back',
        choice: { action: 'reject', gate: gate.id, reason: 'rejected in the demo' },
      },
    ],
    byItself: approve,
  };
}
