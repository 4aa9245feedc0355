import { deploymentWorkflowId } from '../../src/runbook/plan.ts';
import { taskQueue, WORKFLOW_TYPE } from '../../src/temporal/names.ts';
import { EXIT } from '../commands/exit-codes.ts';
import type { LinkOptions } from '../commands/link.ts';
import { Problem } from '../commands/problem.ts';
import { checkedRequest } from '../commands/request.ts';
import { findDeployment, readConfig, withTemporal } from '../commands/temporal.ts';
import { toProblem } from '../commands/to-problem.ts';
import { complain, print } from '../view/output.ts';

export async function link({ ui, ...options }: LinkOptions): Promise<void> {
  const request = checkedRequest(options);
  const workflows = `${addressOf(ui)}/namespaces/${encodeURIComponent(readConfig().namespace)}/workflows`;
  const workflowId = deploymentWorkflowId(options.service, options.environment);
  const form = new URLSearchParams({ workflowId, taskQueue: taskQueue(), workflowType: WORKFLOW_TYPE });
  print('Start it here:');
  print(`  ${workflows}/start-workflow?${form.toString()}`);
  print(
    'A link cannot carry the input. The form shows the last deployment\'s, if there was one, and under "More options" its',
  );
  print('summary and details: clear those, and put this as the input:');
  print(`  ${JSON.stringify(request)}`);
  try {
    const runId = await runUnderWay(options);
    if (runId === undefined) return;
    print('A deployment is under way, and another is refused until it has ended:');
    print(`  ${workflows}/${encodeURIComponent(workflowId)}/${runId}`);
  } catch (error) {
    complain(`Whether a deployment is under way is not known. ${toProblem(error).message}`);
  }
}

async function runUnderWay(address: Pick<LinkOptions, 'service' | 'environment'>): Promise<string | undefined> {
  try {
    const { description } = await withTemporal((client) => findDeployment(client, address));
    return description.status.name === 'RUNNING' ? description.runId : undefined;
  } catch (error) {
    if (error instanceof Problem && error.exitCode === EXIT.notFound) return undefined;
    throw error;
  }
}

/** Without the slash at its end. */
function addressOf(ui: string): string {
  if (URL.canParse(ui) && /^https?:$/.test(new URL(ui).protocol)) return ui.replace(/\/+$/, '');
  throw new Problem(
    EXIT.usage,
    `The address of the UI is "${ui}", expected an http or https URL such as http://localhost:8233: see --ui and TEMPORAL_UI_ADDRESS.`,
  );
}
