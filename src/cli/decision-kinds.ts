import type { Action } from '../domain/index.ts';

export interface DecisionKind {
  readonly action: Action;
  readonly name: string;
  readonly description: string;
  readonly takes: readonly ('check' | 'required-check' | 'gate' | 'remedy' | 'reason' | 'required-reason')[];
  readonly example: string;
  /** What comes of it. */
  readonly effect: string;
}

export const DECISION_KINDS: readonly DecisionKind[] = [
  {
    action: 'approve',
    name: 'approve',
    description: 'Approves the open gate. May come while the soak runs: it counts once that is proven healthy.',
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
    effect: 'What was changed is being rolled back.',
  },
  {
    action: 'abort',
    name: 'abort',
    description: 'Ends the deployment in any phase and rolls back what was changed.',
    takes: ['reason'],
    example: '--reason "wrong version"',
    effect: 'What was changed is being rolled back.',
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
      'Measures every check that has not passed again, or one of them; with --remedy, its remedy from the runbook runs first.',
    takes: ['check', 'remedy', 'reason'],
    example: '--check max-connections --remedy',
    effect: 'It is being measured again.',
  },
  {
    action: 'retryRollback',
    name: 'retry-rollback',
    description: 'Ends the running round of the rollback and starts another.',
    takes: ['reason'],
    example: '',
    effect: 'The next round of the rollback begins.',
  },
  {
    action: 'acceptRecovery',
    name: 'accept-recovery',
    description: 'Ends a rollback whose traffic is read back on blue, without the proof that blue is healthy.',
    takes: ['required-reason'],
    example: '--reason "the metrics are away; blue is healthy in its logs"',
    effect: 'Blue is taken as it is; the traffic is guarded, and the rollback ends.',
  },
];

export function kindOf(action: Action): DecisionKind {
  const kind = DECISION_KINDS.find((one) => one.action === action);
  if (!kind) throw new Error(`no decision is called ${action}`);
  return kind;
}
