import { type Command, Option } from 'commander';
import type { DeploymentStatus } from '../../domain/index.ts';
import { addressFlags, COMMAND } from '../address.ts';
import { withAddress, withBy, withExample } from '../options.ts';
import { checkedRollbackRequest } from '../parse-request.ts';
import { seeAccepted } from '../see-accepted.ts';
import { startRollbackOrExplain } from '../start-deployment.ts';
import { findDeployment, withTemporal } from '../temporal.ts';
import { print } from '../view/output.ts';

interface RollbackOptions {
  readonly service: string;
  readonly environment: string;
  readonly reason: string;
  readonly by?: string;
  readonly force?: true;
  readonly currentRunbook?: true;
  readonly watch?: true;
  readonly wait: boolean;
}

export function addRollback(command: Command): void {
  withBy(withAddress(command), 'who requests it')
    .requiredOption('--reason <text>', 'why')
    .option('--force', 'also if the version before fails its health check')
    .option('--current-runbook', 'by the runbook as it is now, not as it was for the last deployment')
    .option('--watch', 'then watch it until it ends')
    .addOption(new Option('--no-wait', 'do not wait until a worker has accepted it').conflicts('watch'))
    .action(rollback);
  withExample(command, 'rollback --service recommendation --reason "checkout fails" --watch');
}

async function rollback({ watch, wait, by, ...options }: RollbackOptions): Promise<void> {
  const { service, environment } = options;
  const wanted = { ...options, requestedBy: by };
  checkedRollbackRequest(wanted);
  await withTemporal(async (client) => {
    // Temporal knows the newest run at once, and lists it some seconds later.
    const { description } = await findDeployment(client, { service, environment });
    const request = checkedRollbackRequest({ ...wanted, run: description.runId });
    const handle = await startRollbackOrExplain(client, request);
    print(`Started: rollback of ${service} in ${environment}.`);
    print(`  workflow  ${handle.workflowId}`);
    print(`  run       ${handle.firstExecutionRunId}`);
    print(`  follow    ${COMMAND} watch ${addressFlags(options)}`);
    if (wait) await seeAccepted(client, handle, { ...options, by, watch, acceptedLine });
  });
}

function acceptedLine({ version, plan }: DeploymentStatus): string {
  return `Accepted: all traffic goes from ${version} back to ${plan?.target.blue}.`;
}
