import type { Client } from '@temporalio/client';
import { type Command, Option } from 'commander';
import type { DeploymentStatus } from '../../domain/index.ts';
import { count } from '../../format/index.ts';
import type { blueGreenDeployment } from '../../workflows/index.ts';
import { addressFlags, COMMAND } from '../address.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { follow } from '../follow.ts';
import { whoRunsThis, withAddress, withExample } from '../options.ts';
import { checkedRequest } from '../parse-request.ts';
import { startOrExplain } from '../start-deployment.ts';
import { type DeploymentHandle, withTemporal } from '../temporal.ts';
import { outcomeOf } from '../view/outcome.ts';
import { print } from '../view/output.ts';
import { waitForAcceptance } from '../wait-for-acceptance.ts';

interface StartOptions {
  readonly service: string;
  readonly version: string;
  readonly environment: string;
  readonly requestedBy?: string;
  readonly reason?: string;
  readonly watch?: true;
  readonly wait: boolean;
}

export function addStart(command: Command): void {
  withAddress(command)
    .requiredOption('--version <version>', 'the new version')
    .option('--requested-by <name>', 'who requests it', whoRunsThis())
    .option('--reason <text>', 'why')
    .option('--watch', 'then watch it until it ends')
    .addOption(new Option('--no-wait', 'do not wait until a worker has accepted the deployment').conflicts('watch'))
    .action(start);
  withExample(command, 'start --service recommendation --version 2.5.0 --reason "new query pattern" --watch');
}

/** A deployment that is refused is an error here: a script must not take it for a release. */
async function start({ watch, wait, ...options }: StartOptions): Promise<void> {
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
    if (!wait) return;
    const { service, environment, requestedBy: by } = options;
    const accepted = await waitForAcceptance(client, thisRun, { service, environment });
    if (watch)
      process.exitCode = await follow(client, thisRun, { service, environment, ...(by === undefined ? {} : { by }) });
    else if (accepted) print(acceptedLine(accepted));
    else await sayHowItEnded(client, thisRun);
  });
}

function acceptedLine({ plan, version, checks }: DeploymentStatus): string {
  return `Accepted: ${plan?.target.blue} serves now; ${version} begins with ${count(checks.length, 'check')}.`;
}

/** @throws CliError with the reason, unless it was completed. */
async function sayHowItEnded(client: Client, handle: DeploymentHandle): Promise<void> {
  const { exitCode, summary } = await outcomeOf(client, handle, undefined);
  if (exitCode !== EXIT.ok) throw new CliError(exitCode, exitCode === EXIT.refused ? `Refused: ${summary}` : summary);
  print(summary);
}
