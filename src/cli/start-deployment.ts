import type { Client } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { DEFAULT_ENVIRONMENT, type DeploymentRequest, isClosed, type RollbackRequest } from '../domain/index.ts';
import { hasEnded, startDeployment, startRollback } from '../temporal/index.ts';
import { type Address, addressFlags, COMMAND } from './address.ts';
import { CliError } from './cli-error.ts';
import { EXIT } from './exit-codes.ts';
import { type DeploymentHandle, findDeployment, inTime } from './temporal.ts';
import { firstLine, isLost } from './to-cli-error.ts';
import { renderFull } from './view/full.ts';
import { PLAIN } from './view/output.ts';
import { type DeploymentSnapshot, fetchSnapshot } from './view/snapshot.ts';

type Started = DeploymentHandle & { readonly firstExecutionRunId: string };

/**
 * Starts the workflow whose id is the lock.
 * @throws CliError when a deployment is under way already, or it is not known whether it was started.
 */
export function startOrExplain(client: Client, request: DeploymentRequest): Promise<Started> {
  const { service, environment = DEFAULT_ENVIRONMENT } = request;
  return orExplain(client, { service, environment }, () =>
    startDeployment(client, request, {
      staticSummary: summary(request, environment),
      staticDetails: details(request, environment),
    }),
  );
}

/** The same for a rollback of its own. @throws as `startOrExplain` */
export function startRollbackOrExplain(client: Client, request: RollbackRequest): Promise<Started> {
  const { service, environment = DEFAULT_ENVIRONMENT } = request;
  return orExplain(client, { service, environment }, () =>
    startRollback(client, request, {
      staticSummary: `rollback of ${service} in ${environment}`.slice(0, 3 * SUMMARY_CHARACTERS),
      staticDetails: rollbackDetails(request, environment),
    }),
  );
}

async function orExplain(
  client: Client,
  { service, environment }: Address,
  start: () => Promise<Started>,
): Promise<Started> {
  try {
    return await inTime(client, start);
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError)
      throw await underWay(client, { service, environment }, error);
    if (!isLost(error)) throw error;
    throw new CliError(
      EXIT.unknown,
      `Unknown: Temporal did not answer (${firstLine(error)}), so it may have been started. ` +
        `Check with ${COMMAND} status ${addressFlags({ service, environment })}. You can safely start it again: a second one is refused.`,
      { cause: error },
    );
  }
}

/** What is under way instead, and how to follow and end it. */
async function underWay(client: Client, address: Address, cause: Error): Promise<CliError> {
  const { handle } = await findDeployment(client, address);
  return new CliError(EXIT.underWay, underWayWords(await fetchSnapshot(client, handle), address), { cause });
}

/** Pure. */
export function underWayWords(sight: DeploymentSnapshot, { service, environment }: Address): string {
  const { server, status } = sight;
  const flags = addressFlags({ service, environment });
  const isRollback = status?.rollback !== undefined;
  const what = `${isRollback ? 'a rollback' : 'a deployment'} of ${service} in ${environment}`;
  if (hasEnded(server.state) || (status && isClosed(status.phase)))
    return `Not started: ${what} was still running, and has ended just now. Start this one again.`;
  return [
    `Not started: ${what} is already running; only one may run at a time.`,
    '',
    ...renderFull(sight, PLAIN),
    '',
    `Watch it:   ${COMMAND} watch ${flags}`,
    isRollback
      ? `It ends once blue is proven healthy and has kept the traffic for a while. To start after it: ${COMMAND} start ${flags} --version ... --when-free`
      : `End it:     ${COMMAND} abort ${flags} --reason "..."`,
  ].join('\n');
}

/** The UI shows at most 200 bytes in its list. */
const SUMMARY_CHARACTERS = 60;

function summary({ service, version }: DeploymentRequest, environment: string): string {
  return `${service} to ${version} in ${environment}`.slice(0, 3 * SUMMARY_CHARACTERS);
}

function details({ service, version, requestedBy, reason }: DeploymentRequest, environment: string): string {
  const flags = addressFlags({ service, environment });
  return [
    `Blue-Green deployment of **${service} ${version}** to **${environment}**`,
    ...(requestedBy === undefined ? [] : [`Asked for by ${markdown(requestedBy)}`]),
    ...(reason === undefined ? [] : [`Reason: ${markdown(reason)}`]),
    `Follow it with \`${COMMAND} watch ${flags}\`; decide with \`${COMMAND} approve ${flags}\`, or send a signal here.`,
    'Cancelling rolls back first. **Terminating does not**: traffic stays where it is.',
  ].join('\n\n');
}

function rollbackDetails({ service, requestedBy, reason }: RollbackRequest, environment: string): string {
  const flags = addressFlags({ service, environment });
  return [
    `Rollback of **${service}** in **${environment}** to the version before the last deployment`,
    ...(requestedBy === undefined ? [] : [`Asked for by ${markdown(requestedBy)}`]),
    `Reason: ${markdown(reason)}`,
    `Follow it with \`${COMMAND} watch ${flags}\`. It cannot be cancelled.`,
  ].join('\n\n');
}

/** Text of people must not become markup in somebody's browser. */
function markdown(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[<>[\]`*_|\\#]/g, (character) => `\\${character}`);
}
