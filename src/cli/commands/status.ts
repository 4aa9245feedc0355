import type { Client } from '@temporalio/client';
import type { Command } from 'commander';
import { freezeWords } from '../../domain/index.ts';
import { hasEnded } from '../../temporal/index.ts';
import type { Address } from '../address.ts';
import { frozenFor } from '../frozen.ts';
import { withAddress, withExample } from '../options.ts';
import { queuedWords, queueOf } from '../queued.ts';
import { type DeploymentHandle, findDeployment, withTemporal } from '../temporal.ts';
import { endedByForce, renderFull } from '../view/full.ts';
import { outcomeOf } from '../view/outcome.ts';
import { columns, paintFor, printJson, printLines } from '../view/output.ts';
import { renderReport } from '../view/report.ts';
import { type DeploymentSnapshot, fetchSnapshot } from '../view/snapshot.ts';

interface StatusOptions extends Address {
  readonly json?: true;
}

export function addStatus(command: Command): void {
  command
    .option('--run <id>', 'this run instead of the newest')
    .option(
      '--json',
      'print the answer of the query "status" and the activities "underWay"; "endedByForce" if it was terminated; without a worker: {"unanswered", "temporal", "report"}',
    )
    .action(status);
  withAddress(command);
  withExample(command, 'status --service recommendation', 'status --service recommendation --json');
}

async function status(options: StatusOptions): Promise<void> {
  await withTemporal((client) => showStatus(client, options));
}

async function showStatus(client: Client, options: StatusOptions): Promise<void> {
  const { handle } = await findDeployment(client, options);
  const [sight, frozen, queued] = await Promise.all([
    fetchSnapshot(client, handle),
    frozenFor(client, options),
    queueOf(client, options),
  ]);
  const paint = paintFor();
  if (options.json)
    return printJson(
      sight.status
        ? { ...sight.status, underWay: sight.server.pending, ...byForce(sight), frozen, queued }
        : { ...(await withoutWorker(client, handle, sight)), frozen, queued },
    );
  printLines(renderFull(sight, paint));
  printLines(frozen.map((one) => `${paint.yellow('Frozen:')} ${freezeWords(one)}`));
  printLines(queued.map((one) => `${paint.yellow('Queued:')} ${queuedWords(one)}`));
  if (sight.status || !hasEnded(sight.server.state)) return;
  // A closed deployment keeps its report in the history: no worker is needed to read it.
  printLines(['', ...renderReport(await outcomeOf(client, handle, undefined), paint, columns())]);
}

/** Such a run still answers, with the phase that it was in. */
function byForce(sight: DeploymentSnapshot): object {
  const { state, closedAt } = sight.server;
  return endedByForce(sight) ? { endedByForce: { state, closedAt } } : {};
}

async function withoutWorker(
  client: Client,
  handle: DeploymentHandle,
  { server, unreachableReason, lastKnown }: DeploymentSnapshot,
) {
  const closed = !hasEnded(server.state) ? undefined : await outcomeOf(client, handle, undefined);
  return {
    unanswered: unreachableReason,
    temporal: server,
    ...(lastKnown && !closed ? { lastKnown } : {}),
    ...(closed ? { outcome: closed.summary } : {}),
    ...(closed?.report ? { report: closed.report } : {}),
  };
}
