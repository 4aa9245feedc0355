import type { Client } from '@temporalio/client';
import type { StatusOptions } from '../commands/status.ts';
import { type DeploymentHandle, findDeployment, withTemporal } from '../commands/temporal.ts';
import { renderFull } from '../view/full.ts';
import { outcomeOf } from '../view/outcome.ts';
import { columns, paintFor, printJson, printLines } from '../view/output.ts';
import { renderReport } from '../view/report.ts';
import { look, type Sight } from '../view/snapshot.ts';

export async function status(options: StatusOptions): Promise<void> {
  await withTemporal((client) => showStatus(client, options));
}

async function showStatus(client: Client, options: StatusOptions): Promise<void> {
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
