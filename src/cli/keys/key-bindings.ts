import { availableDecisions, type CheckStatus, type Decision, type DeploymentStatus } from '../../domain/index.ts';

/** A decision that a key sends. */
export interface KeyBinding {
  readonly key: string;
  readonly label: string;
  readonly action: Decision['action'];
  readonly gate?: string;
  readonly remedy?: true;
  /** The checks it can be about: one of them has to be chosen. */
  readonly checks?: readonly { readonly id: string; readonly asks: string }[];
  readonly needsReason?: true;
}

const ALL: readonly KeyBinding[] = [
  { key: 'R', label: 'retry the rollback', action: 'retryRollback' },
  { key: 'A', label: 'accept blue unproven', action: 'acceptRecovery', needsReason: true },
  { key: 'o', label: 'override the freeze', action: 'overrideFreeze', needsReason: true },
  { key: 'a', label: 'approve', action: 'approve' },
  { key: 'r', label: 'reject', action: 'reject' },
  { key: 'c', label: 'recheck', action: 'recheck' },
  { key: 'm', label: 'remedy', action: 'recheck', remedy: true },
  { key: 't', label: 'attest', action: 'attest' },
  { key: 'w', label: 'waive', action: 'waive', needsReason: true },
  { key: 'x', label: 'abort', action: 'abort' },
];

/** Every key, and why it does nothing where it is not offered. */
export const KEYS: Readonly<Record<string, string>> = {
  a: 'no gate is open: there is nothing to approve',
  r: 'no gate is open: there is nothing to reject; use x to abort',
  x: 'there is nothing to abort: the rollback cannot be stopped',
  c: 'there is no measured check to recheck',
  m: 'no failed check has a remedy',
  t: 'no check waits for a person to confirm it',
  w: 'no check can be waived now; a critical one never can',
  o: 'no freeze holds the deployment, or the runbook lets nobody override it',
  R: 'no rollback has stalled',
  A: 'only a rollback with all traffic on blue, and without proof that blue is healthy, can be accepted',
};

/** What people are asked to decide now, by key. Pure. */
export function bindingsIn(status: DeploymentStatus): KeyBinding[] {
  const possible = availableDecisions(status);
  return ALL.flatMap((offer) => {
    const same = possible.filter(({ action, remedy }) => action === offer.action && remedy === offer.remedy);
    const [first] = same;
    if (!first) return [];
    const checks = status.checks.filter(({ id }) => same.some(({ check }) => check === id)).map(askedAs);
    return [
      {
        ...offer,
        ...(first.gate === undefined ? {} : { gate: first.gate }),
        ...(checks.length === 0 ? {} : { checks }),
      },
    ];
  });
}

function askedAs({ id, title, statement, result }: CheckStatus): { readonly id: string; readonly asks: string } {
  return { id, asks: statement ?? result?.summary ?? title };
}
