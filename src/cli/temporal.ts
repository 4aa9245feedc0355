import { Client, type Connection, type WorkflowExecutionDescription, type WorkflowHandle } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { deploymentWorkflowId } from '../domain/index.ts';
import { type ConnectionConfig, connectClient, connectionConfig } from '../temporal/index.ts';
import { messageOf } from '../util/index.ts';
import type { blueGreenDeployment } from '../workflows/index.ts';
import { type Address, ANSWER_WITHIN_MS, COMMAND } from './address.ts';
import { CliError } from './cli-error.ts';
import { EXIT } from './exit-codes.ts';

export type DeploymentHandle = WorkflowHandle<typeof blueGreenDeployment>;

/**
 * Connects and does the work. The connection is left to the end of the process: closing it while the SDK waits to repeat
 * a call (a query without a worker, say) throws where nobody can catch it. So scripts end by `process.exit`.
 * @throws CliError when Temporal is not reached.
 */
export async function withTemporal<Result>(body: (client: Client) => Promise<Result>): Promise<Result> {
  const config = readConfig();
  const connection = await connectClient(config).catch((error: unknown) => {
    throw new CliError(EXIT.unreachable, messageOf(error), { cause: error });
  });
  return body(clientOf(connection, config.namespace));
}

export function clientOf(connection: Connection, namespace: string): Client {
  return new Client({ connection, namespace });
}

/** The call, with a timeout of twelve seconds. */
export function inTime<Result>(client: Client, call: () => Promise<Result>): Promise<Result> {
  return client.withDeadline(Date.now() + ANSWER_WITHIN_MS, call);
}

/**
 * The deployment at the address, and a handle on exactly this run: a decision for it must not reach the next one.
 * @throws CliError when there is none.
 */
export async function findDeployment(
  client: Client,
  { service, environment, run }: Address,
): Promise<{ readonly handle: DeploymentHandle; readonly description: WorkflowExecutionDescription }> {
  const workflowId = deploymentWorkflowId(service, environment);
  try {
    const description = await inTime(client, () => client.workflow.getHandle(workflowId, run).describe());
    return {
      handle: client.workflow.getHandle<typeof blueGreenDeployment>(workflowId, description.runId),
      description,
    };
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError) && !isBadRun(error, run)) throw error;
    throw new CliError(
      EXIT.notFound,
      `There is no deployment of ${service} in ${environment}${run === undefined ? '' : ` with the run ${run}`} ` +
        `(workflow ${workflowId}). List the deployments: ${COMMAND} list`,
      { cause: error },
    );
  }
}

/** Where Temporal is. @throws CliError when the settings are invalid. */
export function readConfig(): ConnectionConfig {
  try {
    return connectionConfig();
  } catch (error) {
    throw new CliError(
      EXIT.usage,
      `The Temporal settings are invalid: ${messageOf(error)}. ` +
        'Check TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE and the other TEMPORAL_ variables.',
      { cause: error },
    );
  }
}

function isBadRun(error: unknown, run: string | undefined): boolean {
  return (
    run !== undefined && error instanceof Error && /Invalid RunId/i.test(`${error.message} ${String(error.cause)}`)
  );
}
