import type { Client } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { Command } from 'commander';
import { deploymentWorkflowId, freezeWords, freezeWorkflowId } from '../../domain/index.ts';
import { FREEZE_MEMO, FREEZE_TYPE, stoppedLine, taskQueue } from '../../temporal/index.ts';
import type { blueGreenFreeze } from '../../workflows/index.ts';
import { COMMAND } from '../address.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { futureTime } from '../future-time.ts';
import { nameOf, withBy, withExample } from '../options.ts';
import { inTime, withTemporal } from '../temporal.ts';
import { print } from '../view/output.ts';

export interface FreezeAddress {
  readonly environment: string;
  readonly service?: string;
}

interface FreezeOptions extends FreezeAddress {
  readonly by?: string;
  readonly reason: string;
  readonly until?: number;
}

/** `--environment` and `--service`: what is frozen. */
export function withFreezeAddress(command: Command): Command {
  return command
    .requiredOption('--environment <name>', 'the environment', nameOf)
    .option('--service <name>', 'only this service in it', nameOf);
}

export function freezeFlags({ environment, service }: FreezeAddress): string {
  return `--environment ${environment}${service === undefined ? '' : ` --service ${service}`}`;
}

export function addFreeze(command: Command): void {
  withBy(withFreezeAddress(command))
    .requiredOption('--reason <text>', 'why')
    .option(
      '--until <time>',
      'when it ends by itself, such as 2026-12-24T22:00+01:00; without it, with "thaw"',
      futureTime,
    )
    .action(freeze);
  withExample(command, 'freeze --environment production --reason "the database is slow"');
}

async function freeze({ environment, service, by = 'unknown', reason, until }: FreezeOptions): Promise<void> {
  const address = { environment, ...(service === undefined ? {} : { service }) };
  const request = { ...address, by, reason, ...(until === undefined ? {} : { until }) };
  await withTemporal(async (client) => {
    try {
      await inTime(client, () =>
        client.workflow.start<typeof blueGreenFreeze>(FREEZE_TYPE, {
          workflowId: freezeWorkflowId(address),
          taskQueue: taskQueue(),
          args: [request],
          memo: { [FREEZE_MEMO]: { by, reason, ...(until === undefined ? {} : { until }) } },
          workflowIdConflictPolicy: 'FAIL',
          staticSummary: `${service ?? environment} is frozen by ${by}: ${reason}`.slice(0, 100),
        }),
      );
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) throw await frozenAlready(client, address, error);
      throw error;
    }
    print(`Frozen: ${service === undefined ? environment : `${service} in ${environment}`}.`);
    print('No deployment starts there or shifts more traffic to green, until it is thawed. Rollbacks go on.');
    print(`  end it    ${COMMAND} thaw ${freezeFlags(address)}`);
    if (!(await isKnown(client, address)))
      print(`Temporal knows no deployment of ${service ?? 'any service'} in ${environment}: check the name.`);
  });
}

/** Whether anything was ever deployed there, as far as Temporal keeps it; true where that cannot be said. */
async function isKnown(client: Client, { environment, service }: FreezeAddress): Promise<boolean> {
  const ids = deploymentWorkflowId(service ?? '', environment);
  const query = service === undefined ? `WorkflowId STARTS_WITH '${ids}'` : `WorkflowId = '${ids}'`;
  const { count } = await inTime(client, () => client.workflow.count(query)).catch(() => ({ count: 1 }));
  return count > 0;
}

async function frozenAlready(client: Client, address: FreezeAddress, cause: Error): Promise<CliError> {
  const { namespace } = client.options;
  const own = freezeWorkflowId(address);
  const found = (await stoppedLine({ connection: client.connection, namespace }, address)).find(({ id }) =>
    id.startsWith(`${own}/`),
  );
  return new CliError(
    EXIT.notTaken,
    `Refused: ${found ? freezeWords(found) : 'it is frozen already'}. End that freeze first: ${COMMAND} thaw ${freezeFlags(address)}`,
    { cause },
  );
}
