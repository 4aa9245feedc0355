import type { Command } from 'commander';
import type { blueGreenDeployment } from '../../src/workflows/blue-green.ts';
import { isStuck } from '../../src/workflows/status.ts';
import { complain, print } from '../view/output.ts';
import { newDecision, sendDecision } from './decide.ts';
import { whoRunsThis, withAddress, withExample } from './options.ts';
import { firstLine } from './problem.ts';
import { checkedRequest } from './request.ts';
import { startDeployment } from './start.ts';
import { COMMAND, withTemporal } from './temporal.ts';
import { follow } from './watch.ts';

interface Options {
  readonly service: string;
  readonly version: string;
  readonly environment: string;
  readonly wait?: true;
}

export function addCheck(program: Command): void {
  const command = program
    .command('check')
    .description(
      'Runs the checklist alone, automatic remedies included; nothing is deployed. The exit code tells whether all of it passed.',
    );
  withAddress(command)
    .requiredOption('--version <version>', 'the new version')
    .option('--wait', 'what has not passed waits for people, as in a deployment; without it the checklist ends')
    .action(async ({ wait, ...options }: Options) => {
      const by = whoRunsThis() ?? 'bluegreen check';
      const request = checkedRequest({ ...options, requestedBy: by, checklistOnly: true });
      await withTemporal(async (client) => {
        const { workflowId, firstExecutionRunId } = await startDeployment(client, request);
        print(`Started: the checklist for ${options.service} ${options.version} in ${options.environment}.`);
        const handle = client.workflow.getHandle<typeof blueGreenDeployment>(workflowId, firstExecutionRunId);
        let ended = wait === true;
        process.exitCode = await follow(client, handle, options, ({ status }) => {
          if (ended || !status || !isStuck(status)) return;
          ended = true;
          const reason = 'the checklist has not passed, and nobody was to wait for (see --wait)';
          sendDecision(client, handle, newDecision('abort', { by, reason })).catch((error: unknown) => {
            complain(
              `It could not be ended: ${firstLine(error)}. End it: ${COMMAND} abort --service ${options.service}`,
            );
          });
        });
      });
    });
  withExample(command, 'check --service recommendation --version 2.5.0');
}
