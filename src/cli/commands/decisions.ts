import type { Command } from 'commander';
import type { Action } from '../../domain/index.ts';
import { type Address, ANSWER_WITHIN_MS } from './address.ts';
import { EXIT } from './exit-codes.ts';
import { withAddress, withBy, withExample } from './options.ts';

export interface DecisionOptions extends Address {
  readonly by?: string;
  readonly reason?: string;
  readonly check?: string;
  readonly gate?: string;
  readonly remedy?: true;
  readonly decisionId?: string;
  readonly signal?: true;
}

export interface DecisionKind {
  readonly action: Action;
  readonly name: string;
  readonly description: string;
  readonly takes: readonly ('check' | 'required-check' | 'gate' | 'remedy' | 'reason' | 'required-reason')[];
  readonly example: string;
  /** What comes of it. */
  readonly effect: string;
}

const KINDS: readonly DecisionKind[] = [
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
    description: 'Goes on although a check failed. A critical one cannot be waived, only mended.',
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
    description: 'Measures again every check that has not passed, or one; with --remedy what mends it is run first.',
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
    example: '--reason "the metrics are away; blue looks well in the logs"',
    effect: 'Blue is taken as it is; the traffic is guarded, and the rollback ends.',
  },
];

export function kindOf(action: Action): DecisionKind {
  const kind = KINDS.find((one) => one.action === action);
  if (!kind) throw new Error(`no decision is called ${action}`);
  return kind;
}

/** One command for each decision a person can make. */
export function addDecisions(program: Command): void {
  for (const kind of KINDS) {
    const command = program
      .command(kind.name)
      .description(kind.description)
      .action(async (options: DecisionOptions) => {
        const { decide } = await import('../actions/decisions.ts');
        await decide(kind, options);
      });
    withBy(withAddress(command));
    if (kind.takes.includes('required-check'))
      command.requiredOption('--check <id>', 'the check, as "status" names it');
    if (kind.takes.includes('check')) command.option('--check <id>', 'only this check, as "status" names it');
    if (kind.takes.includes('remedy'))
      command.option('--remedy', 'where it failed, run the remedy that the runbook names, under your name');
    if (kind.takes.includes('gate')) command.option('--gate <id>', 'only if this gate is open, such as shift-to-100');
    if (kind.takes.includes('required-reason')) command.requiredOption('--reason <text>', 'why');
    if (kind.takes.includes('reason')) command.option('--reason <text>', 'why');
    command
      .option('--run <id>', 'only for this very run of the deployment')
      .option('--decision-id <id>', 'repeats a decision: the same id counts once')
      .option('--signal', 'send it without waiting for an answer; works without a worker')
      .addHelpText(
        'after',
        `\nWithout an answer within ${ANSWER_WITHIN_MS / 1_000} s it is unknown whether the decision was taken (exit code ${EXIT.unknown}).`,
      );
    withExample(command, `${kind.name} --service recommendation ${kind.example}`.trim());
  }
}
