import type { Command } from 'commander';
import { type DeploymentStatus, isStuck } from '../../domain/index.ts';
import type { blueGreenDeployment } from '../../workflows/index.ts';
import { COMMAND } from '../address.ts';
import { follow } from '../follow.ts';
import { whoRunsThis, withAddress, withExample } from '../options.ts';
import { checkedRequest } from '../parse-request.ts';
import { newDecision, sendDecision } from '../send-decision.ts';
import { startOrExplain } from '../start-deployment.ts';
import { withTemporal } from '../temporal.ts';
import { firstLine } from '../to-cli-error.ts';
import { print, printError } from '../view/output.ts';
import { waitForAcceptance } from '../wait-for-acceptance.ts';

interface CheckOptions {
  readonly service: string;
  readonly version: string;
  readonly environment: string;
  readonly wait?: true;
}

export function addCheck(command: Command): void {
  withAddress(command)
    .requiredOption('--version <version>', 'the new version')
    .option('--wait', 'if a check fails, wait for people as in a deployment; by default the checklist ends')
    .action(check);
  withExample(command, 'check --service recommendation --version 2.5.0');
}

async function check({ wait, ...options }: CheckOptions): Promise<void> {
  const by = whoRunsThis() ?? 'bluegreen check';
  const request = checkedRequest({ ...options, requestedBy: by, checklistOnly: true });
  await withTemporal(async (client) => {
    const { workflowId, firstExecutionRunId } = await startOrExplain(client, request);
    print(`Started: the checklist for ${options.service} ${options.version} in ${options.environment}.`);
    const handle = client.workflow.getHandle<typeof blueGreenDeployment>(workflowId, firstExecutionRunId);
    await waitForAcceptance(client, handle, { service: options.service, environment: options.environment });
    let ended = wait === true;
    process.exitCode = await follow(client, handle, {
      service: options.service,
      environment: options.environment,
      // Without --wait it ends by itself: there is nothing to decide.
      ...(wait ? { by } : {}),
      act: ({ status }) => endWhenStuck(status),
    });

    function endWhenStuck(status: DeploymentStatus | undefined): void {
      if (ended || !status || !isStuck(status)) return;
      ended = true;
      const reason = 'the checklist has not passed, and --wait was not given';
      sendDecision(client, handle, newDecision('abort', { by, reason })).catch((error: unknown) => {
        printError(
          `The checklist could not be ended: ${firstLine(error)}. End it: ${COMMAND} abort --service ${options.service}`,
        );
      });
    }
  });
}
