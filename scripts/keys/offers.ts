import { type Decision, refusal } from '../../src/workflows/decisions.ts';
import { type CheckStatus, type DeploymentStatus, isApproved, isClosed, openGate } from '../../src/workflows/status.ts';
import { needsSomebody } from '../view/checks.ts';

/** What a deployment can be told by a key. */
export interface Offer {
  readonly key: string;
  readonly label: string;
  readonly action: Decision['action'];
  readonly gate?: string;
  readonly remedy?: true;
  /** The checks it can be about: one of them has to be chosen. */
  readonly checks?: readonly { readonly id: string; readonly asks: string }[];
  readonly needsReason?: true;
}

/** Every key, and why it does nothing where it is not offered. */
export const KEYS: Readonly<Record<string, string>> = {
  a: 'no gate is open: there is nothing to approve',
  r: 'no gate is open: there is nothing to reject; x aborts',
  x: 'there is nothing to abort: the rollback cannot be stopped',
  c: 'no check waits to be measured again',
  m: 'no failed check has a remedy',
  t: 'no check waits for a person to confirm it',
  w: 'no check can be waived now; a critical one never can',
  R: 'no rollback has stalled',
  A: 'no rollback has failed to prove blue with its traffic read back',
};

/** What can be decided now, as the workflow would take it. Pure. */
export function offersIn(status: DeploymentStatus): Offer[] {
  if (isClosed(status.phase)) return [];
  // A round that goes on needs nobody, unless one failed before it.
  if (status.rollback)
    return [
      ...(status.phase === 'rollback-stalled'
        ? [{ key: 'R', label: 'retry the rollback', action: 'retryRollback' } as const]
        : []),
      ...(status.rollback.problem !== undefined &&
      refusal(status, { action: 'acceptRecovery', by: 'anyone' }) === undefined
        ? [{ key: 'A', label: 'accept blue unproven', action: 'acceptRecovery', needsReason: true } as const]
        : []),
    ];
  if (status.ending) return [];
  const gate = openGate(status);
  const abort: Offer = { key: 'x', label: 'abort', action: 'abort' };
  if (gate)
    return [
      ...(isApproved(gate) ? [] : [{ key: 'a', label: 'approve', action: 'approve', gate: gate.id } as const]),
      { key: 'r', label: 'reject', action: 'reject', gate: gate.id },
      abort,
    ];
  return status.phase === 'checking' ? [...aboutChecks(status.checks), abort] : [abort];
}

function aboutChecks(checks: readonly CheckStatus[]): Offer[] {
  const open = checks.filter(needsSomebody);
  const measured = open.filter(({ checkedBy }) => checkedBy === 'worker');
  const offers: Offer[] = [
    { key: 'c', label: 'recheck', action: 'recheck', checks: measured.map(askedAs) },
    {
      key: 'm',
      label: 'remedy',
      action: 'recheck',
      remedy: true,
      checks: measured.filter(({ remedy, outcome }) => remedy && outcome === 'failed').map(askedAs),
    },
    {
      key: 't',
      label: 'attest',
      action: 'attest',
      checks: open.filter(({ checkedBy }) => checkedBy === 'person').map(askedAs),
    },
    {
      key: 'w',
      label: 'waive',
      action: 'waive',
      needsReason: true,
      checks: open.filter(({ critical }) => !critical).map(askedAs),
    },
  ];
  return offers.filter((offer) => (offer.checks?.length ?? 0) > 0);
}

function askedAs({ id, title, statement, result }: CheckStatus): { readonly id: string; readonly asks: string } {
  return { id, asks: statement ?? result?.summary ?? title };
}
