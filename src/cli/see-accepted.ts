import type { Client } from '@temporalio/client';
import type { DeploymentStatus } from '../domain/index.ts';
import type { blueGreenDeployment } from '../workflows/index.ts';
import type { Address } from './address.ts';
import { CliError } from './cli-error.ts';
import { EXIT } from './exit-codes.ts';
import { follow } from './follow.ts';
import type { DeploymentHandle } from './temporal.ts';
import { outcomeOf } from './view/outcome.ts';
import { print } from './view/output.ts';
import { waitForAcceptance } from './wait-for-acceptance.ts';

interface SeeOptions extends Address {
  /** The name for decisions sent by keys. */
  readonly by: string | undefined;
  readonly watch: true | undefined;
  readonly acceptedLine: (status: DeploymentStatus) => string;
}

/**
 * Waits until a worker has accepted what was just started; then says so, or shows it to its end and sets the exit code.
 * @throws CliError when it was not accepted, or has ended already and was not completed.
 */
export async function seeAccepted(
  client: Client,
  started: { readonly workflowId: string; readonly firstExecutionRunId: string },
  { service, environment, by, watch, acceptedLine }: SeeOptions,
): Promise<void> {
  const thisRun = client.workflow.getHandle<typeof blueGreenDeployment>(
    started.workflowId,
    started.firstExecutionRunId,
  );
  const accepted = await waitForAcceptance(client, thisRun, { service, environment });
  if (watch)
    process.exitCode = await follow(client, thisRun, { service, environment, ...(by === undefined ? {} : { by }) });
  else if (accepted) print(acceptedLine(accepted));
  else await sayHowItEnded(client, thisRun);
}

/** @throws CliError with the reason, unless it was completed. */
async function sayHowItEnded(client: Client, handle: DeploymentHandle): Promise<void> {
  const { exitCode, summary } = await outcomeOf(client, handle, undefined);
  if (exitCode !== EXIT.ok) throw new CliError(exitCode, exitCode === EXIT.refused ? `Refused: ${summary}` : summary);
  print(summary);
}
