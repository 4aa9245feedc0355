import { WorkflowNotFoundError } from '@temporalio/common';
import type { Command } from 'commander';
import { freezeWorkflowId } from '../../domain/index.ts';
import type { blueGreenFreeze } from '../../workflows/index.ts';
import * as messages from '../../workflows/messages.ts';
import { COMMAND } from '../address.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { withBy, withExample } from '../options.ts';
import { inTime, withTemporal } from '../temporal.ts';
import { grpcCode } from '../to-cli-error.ts';
import { print } from '../view/output.ts';
import { type FreezeAddress, freezeFlags, withFreezeAddress } from './freeze.ts';

interface ThawOptions extends FreezeAddress {
  readonly by?: string;
  readonly reason?: string;
}

export function addThaw(command: Command): void {
  withBy(withFreezeAddress(command)).option('--reason <text>', 'why').action(thaw);
  withExample(command, 'thaw --environment production --reason "the database is well again"');
}

async function thaw({ by = 'unknown', reason, ...address }: ThawOptions): Promise<void> {
  await withTemporal(async (client) => {
    const handle = client.workflow.getHandle<typeof blueGreenFreeze>(freezeWorkflowId(address));
    try {
      await inTime(client, () => handle.signal(messages.thaw, { by, ...(reason === undefined ? {} : { reason }) }));
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
      throw new CliError(EXIT.notFound, `There is no freeze for ${freezeFlags(address)}. See ${COMMAND} list`, {
        cause: error,
      });
    }
    try {
      await inTime(client, () => handle.result());
      print('Thawed. Deployments that were held go on within 15 s.');
    } catch (error) {
      if (grpcCode(error) !== DEADLINE_EXCEEDED) throw error;
      throw new CliError(
        EXIT.unknown,
        'Sent, but no worker has ended the freeze yet. It ends as soon as a worker runs; you need not send it again.',
        { cause: error },
      );
    }
  });
}

/** gRPC's code. */
const DEADLINE_EXCEEDED = 4;
