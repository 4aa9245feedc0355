import type { Command } from 'commander';
import type { blueGreenDeployment } from '../../workflows/index.ts';
import { addressFlags, COMMAND } from '../address.ts';
import { follow } from '../follow.ts';
import { whoRunsThis, withAddress, withExample } from '../options.ts';
import { checkedRequest } from '../parse-request.ts';
import { startOrExplain } from '../start-deployment.ts';
import { withTemporal } from '../temporal.ts';
import { print } from '../view/output.ts';

interface StartOptions {
  readonly service: string;
  readonly version: string;
  readonly environment: string;
  readonly requestedBy?: string;
  readonly reason?: string;
  readonly watch?: true;
}

export function addStart(command: Command): void {
  withAddress(command)
    .requiredOption('--version <version>', 'the new version')
    .option('--requested-by <name>', 'who requests it', whoRunsThis())
    .option('--reason <text>', 'why')
    .option('--watch', 'then watch it until it ends')
    .action(start);
  withExample(command, 'start --service recommendation --version 2.5.0 --reason "new query pattern" --watch');
}

async function start({ watch, ...options }: StartOptions): Promise<void> {
  const request = checkedRequest(options);
  await withTemporal(async (client) => {
    const handle = await startOrExplain(client, request);
    print(`Started: ${options.service} ${options.version} to ${options.environment}.`);
    print(`  workflow  ${handle.workflowId}`);
    print(`  run       ${handle.firstExecutionRunId}`);
    print(`  follow    ${COMMAND} watch ${addressFlags(options)}`);
    print(`  decide    ${COMMAND} approve ${addressFlags(options)}   (or reject, abort, attest, waive)`);
    const thisRun = client.workflow.getHandle<typeof blueGreenDeployment>(
      handle.workflowId,
      handle.firstExecutionRunId,
    );
    const { service, environment, requestedBy: by } = options;
    if (watch)
      process.exitCode = await follow(client, thisRun, { service, environment, ...(by === undefined ? {} : { by }) });
  });
}
