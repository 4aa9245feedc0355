import type { Client } from '@temporalio/client';
import { type Command, Option } from 'commander';
import { type DeploymentRequest, type DeploymentStatus, freezeWords, queueWorkflowId } from '../../domain/index.ts';
import { count } from '../../format/index.ts';
import { runningWorkflow } from '../../temporal/index.ts';
import { START_WORKER } from '../../util/index.ts';
import { type Address, addressFlags, COMMAND } from '../address.ts';
import { CliError } from '../cli-error.ts';
import { withCommands } from '../decision-kinds.ts';
import { EXIT } from '../exit-codes.ts';
import { frozenFor } from '../frozen.ts';
import { futureTime } from '../future-time.ts';
import { withAddress, withBy, withExample } from '../options.ts';
import { checkedRequest } from '../parse-request.ts';
import { enqueue, type Queueing, queuedWords, queueOf } from '../queued.ts';
import { seeAccepted } from '../see-accepted.ts';
import { startOrExplain } from '../start-deployment.ts';
import { withTemporal } from '../temporal.ts';
import { print } from '../view/output.ts';

interface StartOptions {
  readonly service: string;
  readonly version: string;
  readonly environment: string;
  readonly by?: string;
  readonly reason?: string;
  readonly overrideFreeze?: string;
  readonly at?: number;
  readonly whenFree?: true;
  readonly replaceQueued?: true;
  readonly watch?: true;
  readonly wait: boolean;
}

export function addStart(command: Command): void {
  withBy(withAddress(command), 'who requests it')
    .requiredOption('--version <version>', 'the new version')
    .option('--reason <text>', 'why')
    .option('--override-freeze <reason>', 'start although a freeze holds, if the runbook lets --by do so')
    .addOption(
      new Option('--at <time>', 'queue it, and start it at this time, such as 2026-12-24T22:00+01:00')
        .argParser(futureTime)
        .conflicts('watch'),
    )
    .addOption(new Option('--when-free', 'queue it, and start it when no other deployment runs').conflicts('watch'))
    .option('--replace-queued', 'queue it instead of all that are queued')
    .option('--watch', 'then watch it until it ends')
    .addOption(new Option('--no-wait', 'do not wait until a worker has accepted the deployment').conflicts('watch'))
    .action(start);
  withExample(command, 'start --service recommendation --version 2.5.0 --reason "new query pattern" --watch');
}

/** A deployment that is refused is an error here: a script must not take it for a release. */
async function start({ watch, wait, at, whenFree, replaceQueued, by, ...options }: StartOptions): Promise<void> {
  const request = checkedRequest({ ...options, requestedBy: by });
  if (at !== undefined || whenFree || replaceQueued)
    return queue(request, options, { ...(at === undefined ? {} : { at }), replaceQueued: replaceQueued ?? false });
  await withTemporal(async (client) => {
    const handle = await startOrExplain(client, request);
    print(`Started: ${options.service} ${options.version} to ${options.environment}.`);
    print(`  workflow  ${handle.workflowId}`);
    print(`  run       ${handle.firstExecutionRunId}`);
    print(`  follow    ${COMMAND} watch ${addressFlags(options)}`);
    print(`  decide    ${COMMAND} approve ${addressFlags(options)}   (or reject, abort, attest, waive)`);
    if (wait) await seeAccepted(client, handle, { ...options, by, watch, acceptedLine });
  });
}

/** How long a worker may take to put it into the queue. */
const QUEUED_WITHIN_MS = 30_000;

async function queue(request: DeploymentRequest, address: Address, how: Queueing): Promise<void> {
  await withTemporal(async (client) => {
    const [others, frozen] = await Promise.all([queueOf(client, address), frozenFor(client, address)]);
    const id = await enqueue(client, request, how);
    const { service, version, environment } = { ...address, ...request };
    print(`Queued: ${queuedWords({ id, request, ...how, queuedAt: Date.now() })}.`);
    for (const one of others) print(`  ${how.replaceQueued ? 'replaces  ' : 'also there'} ${queuedWords(one)}`);
    for (const one of frozen) print(`  frozen     ${freezeWords(one)}`);
    print(`  see it     ${COMMAND} queue ${addressFlags(address)}`);
    print(`  remove it  ${COMMAND} queue ${addressFlags(address)} --remove ${id}`);
    if (await isTaken(client, address, id)) return;
    throw new CliError(
      EXIT.notAccepted,
      `No worker has put ${service} ${version} to ${environment} into the queue yet. It is kept in Temporal; start a worker (${START_WORKER}).`,
    );
  });
}

/** It is in the queue, or was started already: the queue has ended, or goes on without it. */
async function isTaken(client: Client, address: Address, id: string): Promise<boolean> {
  const deadline = Date.now() + QUEUED_WITHIN_MS;
  for (;;) {
    if ((await queueOf(client, address)).some((one) => one.id === id)) return true;
    const { connection, options } = client;
    const asked = { connection, namespace: options.namespace };
    if (!(await runningWorkflow(asked, queueWorkflowId(address)))) return true;
    if (Date.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function acceptedLine({ plan, version, checks, waitingFor, phase }: DeploymentStatus): string {
  if (phase === 'held')
    return `Accepted, and held: it waits for ${waitingFor?.what}. Unblocked by ${withCommands(waitingFor?.unblockedBy ?? '')}.`;
  return `Accepted: ${plan?.target.blue} serves now; ${version} begins with ${count(checks.length, 'check')}.`;
}
