import type { Client } from '@temporalio/client';
import type { Command } from 'commander';
import type { Action } from '../../src/workflows/decisions.ts';
import { print } from '../view/output.ts';
import { type IdentifiedDecision, newDecision, refuseClosed, sendDecision, signalDecision } from './decide.ts';
import { EXIT } from './exit-codes.ts';
import { withAddress, withBy, withExample } from './options.ts';
import { Problem } from './problem.ts';
import { type Address, ANSWER_WITHIN_MS, addressFlags, COMMAND, findDeployment, withTemporal } from './temporal.ts';

interface Options extends Address {
  readonly by?: string;
  readonly reason?: string;
  readonly check?: string;
  readonly gate?: string;
  readonly remedy?: true;
  readonly decisionId?: string;
  readonly signal?: true;
}

interface Kind {
  readonly action: Action;
  readonly name: string;
  readonly description: string;
  readonly takes: readonly ('check' | 'required-check' | 'gate' | 'remedy' | 'reason' | 'required-reason')[];
  readonly example: string;
  /** What comes of it. */
  readonly effect: string;
}

const KINDS: readonly Kind[] = [
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
];

/** One command for each decision a person can make. */
export function addDecisions(program: Command): void {
  for (const kind of KINDS) {
    const command = program
      .command(kind.name)
      .description(kind.description)
      .action((options: Options) => decide(kind, options));
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

async function decide(kind: Kind, options: Options): Promise<void> {
  const { service, environment, run, signal, ...given } = options;
  const decision = newDecision(kind.action, given);
  await withTemporal(async (client) => {
    const found = await findDeployment(client, { service, environment, ...(run === undefined ? {} : { run }) });
    refuseClosed(found.description);
    const address = { service, environment, run: found.description.runId };
    if (signal) {
      await signalDecision(client, found.handle, decision);
      print(`Sent: ${kind.name} by ${decision.by} (decision ${decision.decisionId}). Nobody has answered:`);
      print(`whether it was taken is shown by ${COMMAND} status ${addressFlags({ service, environment })}`);
    } else await sendAndTell(client, { kind, decision, address, handle: found.handle });
  });
}

async function sendAndTell(
  client: Client,
  sent: {
    readonly kind: Kind;
    readonly decision: IdentifiedDecision;
    readonly address: Address;
    readonly handle: Parameters<typeof sendDecision>[1];
  },
): Promise<void> {
  const { kind, decision, address, handle } = sent;
  const answer = await sendDecision(client, handle, decision);
  switch (answer.kind) {
    case 'taken':
      print(
        answer.already
          ? `Taken already: decision ${decision.decisionId} had arrived before; it counts once.`
          : `Taken: ${kind.name} by ${decision.by} (decision ${decision.decisionId}). ${kind.effect}`,
      );
      return;
    case 'refused':
      throw new Problem(EXIT.notTaken, `Not taken: ${answer.why}.`);
    case 'unknown':
      throw new Problem(EXIT.unknown, unknownWords(kind, decision, address));
  }
}

/** Pure. */
export function unknownWords(kind: Pick<Kind, 'name'>, decision: IdentifiedDecision, address: Address): string {
  const { service, environment } = address;
  const repeat = [
    `${COMMAND} ${kind.name} ${addressFlags(address)}`,
    `--by ${shellWord(decision.by)}`,
    ...(decision.check === undefined ? [] : [`--check ${shellWord(decision.check)}`]),
    ...(decision.remedy ? ['--remedy'] : []),
    ...(decision.gate === undefined ? [] : [`--gate ${shellWord(decision.gate)}`]),
    ...(decision.reason === undefined ? [] : [`--reason ${shellWord(decision.reason)}`]),
    `--decision-id ${shellWord(decision.decisionId)}`,
  ].join(' ');
  return [
    `Unknown: no answer came within ${ANSWER_WITHIN_MS / 1_000} s, so it is not known whether the decision was taken.`,
    'Perhaps no worker is running. It may still be applied, also later, when a worker is back.',
    '',
    `Look:      ${COMMAND} status ${addressFlags({ service, environment })}`,
    `Repeat:    ${repeat}`,
    '           (under the same id it counts once; add --signal to leave it for the next worker)',
  ].join('\n');
}

function shellWord(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
