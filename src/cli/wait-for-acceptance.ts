import type { Client } from '@temporalio/client';
import { type DeploymentStatus, isClosed } from '../domain/index.ts';
import { hasEnded, taskQueue } from '../temporal/index.ts';
import { START_WORKER } from '../util/index.ts';
import { type Address, addressFlags, COMMAND } from './address.ts';
import { CliError } from './cli-error.ts';
import { EXIT } from './exit-codes.ts';
import type { DeploymentHandle } from './temporal.ts';
import { formatDurationRoughly } from './view/format.ts';
import { type DeploymentSnapshot, pollSnapshots } from './view/snapshot.ts';

/** A worker that runs answers at once; one that is being restarted is back within this. */
const WORKER_WITHIN_MS = 30_000;
/** Reading the runbook, the traffic and the metrics, each with its retries. */
const ACCEPTED_WITHIN_MS = 300_000;

/**
 * Waits until a worker has accepted the deployment: the runbook is found, the version differs from the one that serves, the
 * metrics can be read, and the checklist has begun. @returns its status then; nothing where it has ended already.
 * @throws CliError `notAccepted` when no worker answers, or it takes too long; the deployment goes on waiting.
 */
export async function waitForAcceptance(
  client: Client,
  handle: DeploymentHandle,
  address: Address,
): Promise<DeploymentStatus | undefined> {
  const startedAt = Date.now();
  for await (const snapshot of pollSnapshots(client, handle)) {
    const { status, server } = snapshot;
    if (hasEnded(server.state)) return undefined;
    // One that is refused says so before its report is written; it ends in a moment.
    if (status && status.phase !== 'resolving' && !isClosed(status.phase)) return status;
    const limitMs = status ? ACCEPTED_WITHIN_MS : WORKER_WITHIN_MS;
    if (Date.now() - startedAt > limitMs) throw notAccepted(snapshot, address, limitMs);
  }
  return undefined;
}

function notAccepted(snapshot: DeploymentSnapshot, address: Address, limitMs: number): CliError {
  const flags = addressFlags(address);
  return new CliError(
    EXIT.notAccepted,
    [
      `Started, but not accepted within ${formatDurationRoughly(limitMs)}: ${obstacle(snapshot)}`,
      'It continues by itself as soon as it can.',
      `  See it     ${COMMAND} status ${flags}`,
      `  End it     ${COMMAND} abort ${flags} --reason "..." --signal`,
    ].join('\n'),
  );
}

function obstacle({ status, server, unreachableReason }: DeploymentSnapshot): string {
  if (!status)
    return (
      `${unreachableReason ?? 'no worker answers'}. Start a worker (${START_WORKER}) with the same TEMPORAL_ADDRESS and ` +
      `TEMPORAL_NAMESPACE, and with the task queue "${taskQueue()}" (BLUEGREEN_TASK_QUEUE). ` +
      'With versions on, it also needs the BLUEGREEN_BUILD_ID of the current build.'
    );
  const [step] = server.pending;
  if (!step) return 'the worker has not finished reading the runbook.';
  return `${step.activity}, attempt ${step.attempt}: ${step.problem ?? 'under way'}. See the log of the worker.`;
}
