import type { Action } from '../domain/index.ts';

export interface DecisionKind {
  readonly action: Action;
  readonly name: string;
  readonly description: string;
  readonly takes: readonly ('check' | 'required-check' | 'gate' | 'remedy' | 'reason' | 'required-reason')[];
  readonly example: string;
  /** What happens next, for the person who sent it. */
  readonly effect: string;
}

export const DECISION_KINDS: readonly DecisionKind[] = [
  {
    action: 'approve',
    name: 'approve',
    description: 'Approves the open gate. If the soak still runs, it takes effect at the next healthy verdict.',
    takes: ['gate', 'reason'],
    example: '--by ana',
    effect: 'It takes effect at the next healthy verdict.',
  },
  {
    action: 'reject',
    name: 'reject',
    description: 'Rejects the release: ends the deployment and rolls back.',
    takes: ['gate', 'reason'],
    example: '--reason "the dashboards look wrong"',
    effect: 'The deployment ends, and what it has changed is rolled back.',
  },
  {
    action: 'abort',
    name: 'abort',
    description: 'Ends the deployment in any phase and rolls back what was changed.',
    takes: ['reason'],
    example: '--reason "wrong version"',
    effect: 'The deployment ends, and what it has changed is rolled back.',
  },
  {
    action: 'waive',
    name: 'waive',
    description: 'Continues although a check failed. A critical check cannot be waived, only fixed.',
    takes: ['required-check', 'required-reason'],
    example: '--check load-test --reason "tested by hand on staging"',
    effect: 'It is recorded with your name and reason.',
  },
  {
    action: 'attest',
    name: 'attest',
    description: 'Confirms a check that only a person can confirm.',
    takes: ['required-check', 'reason'],
    example: '--check load-test',
    effect: 'It is recorded with your name.',
  },
  {
    action: 'recheck',
    name: 'recheck',
    description:
      "Measures again every check that has not passed, or one of them. With --remedy, runs the runbook's remedy first.",
    takes: ['check', 'remedy', 'reason'],
    example: '--check max-connections --remedy',
    effect: 'It is being measured again.',
  },
  {
    action: 'retryRollback',
    name: 'retry-rollback',
    description: 'Starts the next round of a rollback now, and ends the running one.',
    takes: ['reason'],
    example: '',
    effect: 'The next round of the rollback begins.',
  },
  {
    action: 'acceptRecovery',
    name: 'accept-recovery',
    description:
      'Accepts blue without proof that it is healthy, and ends the rollback. All traffic must be read back on blue.',
    takes: ['required-reason'],
    example: '--reason "the metrics are down; blue is healthy in its logs"',
    effect: 'Blue is accepted without proof. The traffic is guarded, then the rollback ends.',
  },
  {
    action: 'overrideFreeze',
    name: 'override-freeze',
    description: 'Lets a deployment go on although a freeze holds it. The runbook says who may (onFreeze.override).',
    takes: ['required-reason'],
    example: '--reason "fixes the outage"',
    effect: 'The freezes that hold it now no longer count for this deployment.',
  },
];

const SIGNALS = new RegExp(String.raw`\b(${DECISION_KINDS.map(({ action }) => action).join('|')})\b`, 'g');

/** Words of a deployment, which name signals, with the names of commands instead: `override-freeze` for `overrideFreeze`. */
export function withCommands(text: string): string {
  return text.replaceAll(SIGNALS, (action) => kindOf(action as Action).name);
}

export function kindOf(action: Action): DecisionKind {
  const kind = DECISION_KINDS.find((one) => one.action === action);
  if (!kind) throw new Error(`no decision is called ${action}`);
  return kind;
}
