import { ApplicationFailure, type Client, WorkflowUpdateFailedError } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import type { Command } from 'commander';
import { freezeWords, queueWorkflowId } from '../../domain/index.ts';
import { START_WORKER } from '../../util/index.ts';
import type { blueGreenQueue } from '../../workflows/index.ts';
import * as messages from '../../workflows/messages.ts';
import { type Address, ANSWER_WITHIN_MS, addressFlags, COMMAND } from '../address.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { frozenFor } from '../frozen.ts';
import { withAddress, withExample } from '../options.ts';
import { queuedWords, queueOf } from '../queued.ts';
import { inTime, withTemporal } from '../temporal.ts';
import { isLost } from '../to-cli-error.ts';
import { print, printJson } from '../view/output.ts';

interface QueueOptions extends Address {
  readonly remove?: string;
  readonly json?: true;
}

export function addQueue(command: Command): void {
  withAddress(command).option('--remove <id>', 'remove the one with this id').option('--json', 'as JSON').action(queue);
  withExample(command, 'queue --service recommendation', 'queue --service recommendation --remove 1f2e3d4c');
}

async function queue({ remove, json, ...address }: QueueOptions): Promise<void> {
  await withTemporal(async (client) => {
    if (remove !== undefined) return removeFrom(client, address, remove);
    const [queued, frozen] = await Promise.all([queueOf(client, address), json ? [] : frozenFor(client, address)]);
    if (json) return printJson(queued);
    if (queued.length === 0) print(`Nothing is queued for ${address.service} in ${address.environment}.`);
    for (const [index, one] of queued.entries()) print(`${index + 1}. ${queuedWords(one)}`);
    for (const one of frozen) print(`Frozen: ${freezeWords(one)}`);
  });
}

async function removeFrom(client: Client, address: Address, id: string): Promise<void> {
  const handle = client.workflow.getHandle<typeof blueGreenQueue>(queueWorkflowId(address));
  try {
    const removed = await inTime(client, () => handle.executeUpdate(messages.removeQueued, { args: [{ id }] }));
    print(`Removed: ${removed ? queuedWords(removed) : id}.`);
  } catch (error) {
    const see = `See ${COMMAND} queue ${addressFlags(address)}`;
    if (isLost(error))
      throw new CliError(
        EXIT.unknown,
        `Unknown: no worker answers within ${ANSWER_WITHIN_MS / 1_000} s, so it is not known whether ${id} was removed. ` +
          `Start a worker (${START_WORKER}), then repeat this. ${see}`,
        { cause: error },
      );
    const why =
      error instanceof WorkflowNotFoundError
        ? 'nothing is queued'
        : error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure
          ? error.cause.message
          : undefined;
    if (why === undefined) throw error;
    throw new CliError(EXIT.notTaken, `Refused: ${why}. ${see}`, { cause: error });
  }
}
