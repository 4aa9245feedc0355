import type { Client } from '@temporalio/client';
import type { Command } from 'commander';
import { sentence } from '../../format/index.ts';
import { type Address, ANSWER_WITHIN_MS, addressFlags, COMMAND } from '../address.ts';
import { CliError } from '../cli-error.ts';
import type { DecisionKind } from '../decision-kinds.ts';
import { EXIT } from '../exit-codes.ts';
import { withAddress, withBy, withExample } from '../options.ts';
import {
  type Answer,
  type IdentifiedDecision,
  newDecision,
  refuseClosed,
  sendDecision,
  signalDecision,
} from '../send-decision.ts';
import { findDeployment, withTemporal } from '../temporal.ts';
import { print } from '../view/output.ts';

interface DecisionOptions extends Address {
  readonly by?: string;
  readonly reason?: string;
  readonly check?: string;
  readonly gate?: string;
  readonly remedy?: true;
  readonly decisionId?: string;
  readonly signal?: true;
}

/** The command of one kind of decision. */
export function addDecision(command: Command, kind: DecisionKind): void {
  withBy(withAddress(command));
  if (kind.takes.includes('required-check'))
    command.requiredOption('--check <id>', 'the id of the check, see "status"');
  if (kind.takes.includes('check')) command.option('--check <id>', 'only the check with this id, see "status"');
  if (kind.takes.includes('remedy'))
    command.option('--remedy', "if the check failed, run the runbook's remedy first, in your name");
  if (kind.takes.includes('gate')) command.option('--gate <id>', 'only if this gate is open, such as shift-to-100');
  if (kind.takes.includes('required-reason')) command.requiredOption('--reason <text>', 'why');
  if (kind.takes.includes('reason')) command.option('--reason <text>', 'why');
  command
    .option('--run <id>', 'only if this is the run; see "list --json"')
    .option('--decision-id <id>', 'an id of your own: repeated with the same id, the decision counts once')
    .option('--signal', 'send it without waiting for an answer; a later worker gets it')
    .addHelpText(
      'after',
      `\nIf no answer comes within ${ANSWER_WITHIN_MS / 1_000} s, the decision may or may not have been accepted (exit code ${EXIT.unknown}).`,
    );
  withExample(command, `${kind.name} --service recommendation ${kind.example}`.trim());
  command.action((options: DecisionOptions) => decide(kind, options));
}

async function decide(kind: DecisionKind, options: DecisionOptions): Promise<void> {
  const { service, environment, run, signal, ...given } = options;
  const decision = newDecision(kind.action, given);
  await withTemporal(async (client) => {
    const found = await findDeployment(client, { service, environment, ...(run === undefined ? {} : { run }) });
    refuseClosed(found.description);
    const address = { service, environment, run: found.description.runId };
    if (signal) {
      await signalDecision(client, found.handle, decision);
      print(
        `Sent: ${kind.name} by ${decision.by} (decision ${decision.decisionId}). It is not known yet whether it was accepted:`,
      );
      print(`see ${COMMAND} status ${addressFlags({ service, environment })}`);
    } else await sendAndTell(client, { kind, decision, address, handle: found.handle });
  });
}

interface Sent {
  readonly kind: Pick<DecisionKind, 'name' | 'effect'>;
  readonly decision: IdentifiedDecision;
  readonly address: Address;
}

async function sendAndTell(
  client: Client,
  { handle, ...sent }: Sent & { readonly handle: Parameters<typeof sendDecision>[1] },
): Promise<void> {
  const answer = await sendDecision(client, handle, sent.decision);
  const words = answerWords(sent, answer);
  switch (answer.kind) {
    case 'taken':
      return print(words);
    case 'refused':
      throw new CliError(EXIT.notTaken, words);
    case 'unknown':
      throw new CliError(EXIT.unknown, words);
  }
}

/** The answer to a decision, for the person who sent it. Pure. */
export function answerWords({ kind, decision, address }: Sent, answer: Answer): string {
  switch (answer.kind) {
    case 'taken':
      return answer.already
        ? `Already recorded: decision ${decision.decisionId} arrived earlier; it counts once.`
        : `Accepted: ${kind.name} by ${decision.by} (decision ${decision.decisionId}). ${answer.missing === undefined ? kind.effect : `It is ${sentence(answer.missing)}`}`;
    case 'refused':
      return `Refused: ${answer.why}.`;
    case 'unknown':
      return unknownWords(kind, decision, address);
  }
}

/** Pure. */
export function unknownWords(kind: Pick<DecisionKind, 'name'>, decision: IdentifiedDecision, address: Address): string {
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
    `Unknown: no answer came within ${ANSWER_WITHIN_MS / 1_000} s, so it is not known whether the decision was accepted.`,
    'Perhaps no worker runs, or a worker could not confirm it yet: "status" says why. The decision may still take effect later.',
    '',
    `Check:     ${COMMAND} status ${addressFlags({ service, environment })}`,
    `Repeat:    ${repeat}`,
    '           (with the same id it counts once; with --signal, a later worker gets it)',
  ].join('\n');
}

function shellWord(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
