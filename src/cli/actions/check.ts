import { type DeploymentStatus, isStuck } from '../../domain/index.ts';
import type { blueGreenDeployment } from '../../workflows/blue-green.ts';
import { COMMAND } from '../commands/address.ts';
import type { CheckOptions } from '../commands/check.ts';
import { newDecision, sendDecision } from '../commands/decide.ts';
import { whoRunsThis } from '../commands/options.ts';
import { checkedRequest } from '../commands/request.ts';
import { withTemporal } from '../commands/temporal.ts';
import { firstLine } from '../commands/to-problem.ts';
import { complain, print } from '../view/output.ts';
import { startDeployment } from './start.ts';
import { follow } from './watch.ts';

export async function check({ wait, ...options }: CheckOptions): Promise<void> {
  const by = whoRunsThis() ?? 'bluegreen check';
  const request = checkedRequest({ ...options, requestedBy: by, checklistOnly: true });
  await withTemporal(async (client) => {
    const { workflowId, firstExecutionRunId } = await startDeployment(client, request);
    print(`Started: the checklist for ${options.service} ${options.version} in ${options.environment}.`);
    const handle = client.workflow.getHandle<typeof blueGreenDeployment>(workflowId, firstExecutionRunId);
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
      const reason = 'the checklist has not passed, and nobody was to wait for (see --wait)';
      sendDecision(client, handle, newDecision('abort', { by, reason })).catch((error: unknown) => {
        complain(`It could not be ended: ${firstLine(error)}. End it: ${COMMAND} abort --service ${options.service}`);
      });
    }
  });
}
