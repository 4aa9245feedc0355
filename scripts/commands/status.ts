import type { Client } from '@temporalio/client';
import type { Command } from 'commander';
import { renderFull } from '../view/full.ts';
import { outcomeOf } from '../view/outcome.ts';
import { columns, paintFor, printJson, printLines } from '../view/output.ts';
import { renderReport } from '../view/report.ts';
import { look, type Sight } from '../view/sight.ts';
import { withAddress, withExample } from './options.ts';
import { type Address, type DeploymentHandle, findDeployment, withTemporal } from './temporal.ts';

export function addStatus(program: Command): void {
  const command = program
    .command('status')
    .description('Shows the newest deployment of a service: phase, checks, soak, gate, decisions, rollback.')
    .option('--run <id>', 'this very run, not the newest')
    .option(
      '--json',
      'what the query "status" answers, as JSON; without a worker: {"unanswered", "temporal", "report"}',
    )
    .action((options: Address & { readonly json?: true }) => withTemporal((client) => showStatus(client, options)));
  withAddress(command);
  withExample(command, 'status --service recommendation', 'status --service recommendation --json');
}

async function showStatus(client: Client, options: Address & { readonly json?: true }): Promise<void> {
  const { handle } = await findDeployment(client, options);
  const sight = await look(client, handle);
  const paint = paintFor();
  if (options.json) return printJson(sight.status ?? (await withoutWorker(client, handle, sight)));
  printLines(renderFull(sight, paint));
  if (sight.status || sight.server.state === 'RUNNING') return;
  // A closed deployment keeps its report in the history: no worker is needed to read it.
  printLines(['', ...renderReport(await outcomeOf(client, handle, undefined), paint, columns())]);
}

async function withoutWorker(client: Client, handle: DeploymentHandle, { server, silent }: Sight) {
  const closed = server.state === 'RUNNING' ? undefined : await outcomeOf(client, handle, undefined);
  return {
    unanswered: silent,
    temporal: server,
    ...(closed ? { outcome: closed.summary } : {}),
    ...(closed?.report ? { report: closed.report } : {}),
  };
}
