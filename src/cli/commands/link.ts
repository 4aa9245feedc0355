import type { Command } from 'commander';
import { deploymentWorkflowId } from '../../domain/index.ts';
import { hasEnded, taskQueue, WORKFLOW_TYPE, workflowPage, workflowsPage } from '../../temporal/index.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { withAddress, withBy, withExample } from '../options.ts';
import { checkedRequest } from '../parse-request.ts';
import { findDeployment, readConfig, withTemporal } from '../temporal.ts';
import { toCliError } from '../to-cli-error.ts';
import { print, printError, printJson } from '../view/output.ts';

interface LinkOptions {
  readonly service: string;
  readonly version: string;
  readonly environment: string;
  readonly by?: string;
  readonly reason?: string;
  readonly ui: string;
}

/** Where the UI of a local server is. */
const LOCAL_UI = 'http://localhost:8233';

export function addLink(command: Command): void {
  withBy(withAddress(command), 'who requests it')
    .requiredOption('--version <version>', 'the new version')
    .option('--reason <text>', 'why')
    .option(
      '--ui <url>',
      'the address of the UI; or set TEMPORAL_UI_ADDRESS',
      process.env['TEMPORAL_UI_ADDRESS'] || LOCAL_UI,
    )
    .action(link);
  withExample(command, 'link --service recommendation --version 2.5.0');
}

/**
 * The form fills in what the last deployment with this id was started with and its search attributes, so that a new one
 * would be listed in the phase in which the last one ended. With a run that does not exist there is none to copy.
 */
const NO_RUN = 'none';

async function link({ ui, by, ...options }: LinkOptions): Promise<void> {
  const request = checkedRequest({ ...options, requestedBy: by });
  const { namespace } = readConfig();
  const address = addressOf(ui);
  const workflowId = deploymentWorkflowId(options.service, options.environment);
  const form = new URLSearchParams({ workflowId, taskQueue: taskQueue(), workflowType: WORKFLOW_TYPE, runId: NO_RUN });
  print('Start it here:');
  print(`  ${workflowsPage(address, namespace)}/start-workflow?${form.toString()}`);
  print('Paste this as its input (a link cannot contain it):');
  // Laid out as the form does it: one line it would lay out on the first click, and the button would move away under it.
  printJson(request);
  print('Then watch it here (the newest deployment):');
  print(`  ${workflowPage(address, { namespace, workflowId })}`);
  try {
    const runId = await runUnderWay(options);
    if (runId === undefined) return;
    print('A deployment is running; Temporal refuses another until it has ended:');
    print(`  ${workflowPage(address, { namespace, workflowId, runId })}`);
  } catch (error) {
    printError(`It is not known whether a deployment is under way. ${toCliError(error).message}`);
  }
}

async function runUnderWay(address: Pick<LinkOptions, 'service' | 'environment'>): Promise<string | undefined> {
  try {
    const { description } = await withTemporal((client) => findDeployment(client, address));
    return !hasEnded(description.status.name) ? description.runId : undefined;
  } catch (error) {
    if (error instanceof CliError && error.exitCode === EXIT.notFound) return undefined;
    throw error;
  }
}

function addressOf(ui: string): string {
  if (URL.canParse(ui) && /^https?:$/.test(new URL(ui).protocol)) return ui;
  throw new CliError(
    EXIT.usage,
    `The address of the UI is "${ui}", expected an http or https URL such as http://localhost:8233: see --ui and TEMPORAL_UI_ADDRESS.`,
  );
}
