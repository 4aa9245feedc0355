import { type Command, Option } from 'commander';
import type { DeploymentStatus } from '../../domain/index.ts';
import { count } from '../../format/index.ts';
import { addressFlags, COMMAND } from '../address.ts';
import { whoRunsThis, withAddress, withExample } from '../options.ts';
import { checkedRequest } from '../parse-request.ts';
import { seeAccepted } from '../see-accepted.ts';
import { startOrExplain } from '../start-deployment.ts';
import { withTemporal } from '../temporal.ts';
import { print } from '../view/output.ts';

interface StartOptions {
  readonly service: string;
  readonly version: string;
  readonly environment: string;
  readonly requestedBy?: string;
  readonly reason?: string;
  readonly overrideFreeze?: string;
  readonly watch?: true;
  readonly wait: boolean;
}

export function addStart(command: Command): void {
  withAddress(command)
    .requiredOption('--version <version>', 'the new version')
    .option('--requested-by <name>', 'who requests it', whoRunsThis())
    .option('--reason <text>', 'why')
    .option('--override-freeze <reason>', 'start although a freeze holds, if the runbook lets --requested-by do so')
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
    if (wait) await seeAccepted(client, handle, { ...options, watch, acceptedLine });
  });
}

function acceptedLine({ plan, version, checks, waitingFor, phase }: DeploymentStatus): string {
  if (phase === 'held')
    return `Accepted, and held: it waits for ${waitingFor?.what}. Unblocked by ${waitingFor?.unblockedBy}.`;
  return `Accepted: ${plan?.target.blue} serves now; ${version} begins with ${count(checks.length, 'check')}.`;
}
