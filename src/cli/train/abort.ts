import { randomUUID } from 'node:crypto';
import { ApplicationFailure, type Client, WorkflowUpdateFailedError } from '@temporalio/client';
import type { Command } from 'commander';
import * as messages from '../../workflows/messages.ts';
import { ANSWER_WITHIN_MS, COMMAND } from '../address.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { withBy, withExample } from '../options.ts';
import { newDecision, refuseClosed } from '../send-decision.ts';
import { inTime, withTemporal } from '../temporal.ts';
import { firstLine, isLost } from '../to-cli-error.ts';
import { print } from '../view/output.ts';
import { findTrain, type TrainHandle } from './find-train.ts';

interface AbortTrainOptions {
  readonly train: string;
  readonly by?: string;
  readonly reason?: string;
  readonly decisionId?: string;
  readonly signal?: true;
}

export function addAbortTrain(command: Command): void {
  withBy(command.requiredOption('--train <name>', 'the train'))
    .option('--reason <text>', 'why')
    .option('--decision-id <id>', 'an id of your own: repeated with the same id, the decision counts once')
    .option('--signal', 'send it without waiting for an answer; a later worker gets it')
    .action(abortTrain);
  withExample(command, 'abort --train spring --reason "wrong version"');
}

async function abortTrain({ train, signal, decisionId = randomUUID(), ...given }: AbortTrainOptions): Promise<void> {
  const { by, reason } = newDecision('abort', { ...given, decisionId });
  const decision = { by, decisionId, ...(reason === undefined ? {} : { reason }) };
  await withTemporal(async (client) => {
    const { handle, description } = await findTrain(client, train);
    refuseClosed(description);
    const see = `See it: ${COMMAND} status --train ${train}`;
    if (signal) {
      await inTime(client, () => handle.signal(messages.abort, decision));
      return print(
        `Sent: abort by ${by} (decision ${decisionId}). It is not known yet whether it was accepted. ${see}`,
      );
    }
    await send(client, handle, { action: 'abort', ...decision });
    print(`Accepted: abort by ${by} (decision ${decisionId}). Every deployment that runs is aborted. ${see}`);
  });
}

/** @throws CliError when it was refused, or when it is not known whether it was taken. */
async function send(client: Client, handle: TrainHandle, decision: messages.TrainDecision): Promise<void> {
  try {
    const { taken, why } = await inTime(client, () =>
      handle.executeUpdate(messages.decideTrain, { args: [decision], updateId: decision.decisionId ?? '' }),
    );
    if (!taken) throw new CliError(EXIT.notTaken, `Refused: ${why}.`);
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) {
      const { cause } = error;
      const why = cause instanceof ApplicationFailure ? cause.message : firstLine(cause ?? error);
      throw new CliError(EXIT.notTaken, `Refused: ${why}.`, { cause: error });
    }
    if (error instanceof CliError || !isLost(error)) throw error;
    throw new CliError(
      EXIT.unknown,
      `Unknown: no answer came within ${ANSWER_WITHIN_MS / 1_000} s, so it is not known whether the abort was accepted. ` +
        `Repeat it with --decision-id ${decision.decisionId} (it counts once), or with --signal: a later worker gets it.`,
      { cause: error },
    );
  }
}
