import type { Client } from '@temporalio/client';
import type { Command } from 'commander';
import { deploymentsOf, type TrainStatus } from '../../domain/index.ts';
import { documentOf, type Format, renderTrain } from '../../report/index.ts';
import { hasEnded } from '../../temporal/index.ts';
import { COMMAND } from '../address.ts';
import { CliError } from '../cli-error.ts';
import { askedToWrite, formatOf, pollsOf, put, withFormat } from '../commands/report.ts';
import { EXIT } from '../exit-codes.ts';
import { withExample } from '../options.ts';
import { withTemporal } from '../temporal.ts';
import { sanitize } from '../view/output.ts';
import { findTrain } from './find-train.ts';
import { trainEnd } from './train-end.ts';

interface TrainReportOptions {
  readonly train: string;
  readonly format?: Format;
  readonly output?: string;
}

export function addTrainReport(command: Command): void {
  withFormat(command.requiredOption('--train <name>', 'the train')).action(trainReport);
  withExample(command, 'report --train spring', 'report --train spring --output train.html');
}

async function trainReport({ train: name, ...options }: TrainReportOptions): Promise<void> {
  await withTemporal(async (client) => {
    const { handle, description } = await findTrain(client, name);
    if (!hasEnded(description.status.name))
      throw new CliError(
        EXIT.underWay,
        `The train ${name} is running. Its report is created when it has ended. Watch it: ${COMMAND} watch --train ${name}`,
      );
    const { status, summary } = await trainEnd(client, handle);
    if (!status)
      throw new CliError(
        EXIT.unknown,
        `${summary} Without a worker there is no report: start one, then repeat ${COMMAND} report --train ${name}`,
      );
    const deployments = await reportsOf(client, status);
    await put(await renderTrain(formatOf(options), { train: status, deployments }), options);
  });
}

/** Those of deployments that were terminated do not exist. */
async function reportsOf(client: Client, status: TrainStatus) {
  const runs = deploymentsOf(status).flatMap(({ workflowId, runId, rollbackRunId }) =>
    [runId, rollbackRunId].flatMap((run) => (run === undefined ? [] : [{ workflowId, runId: run }])),
  );
  const reports = await Promise.all(
    runs.map(async (run) => {
      const written = await askedToWrite(client, run);
      if (!written) return [];
      const { deployment, report } = sanitize(written);
      return [sanitize(documentOf(deployment, report, await pollsOf(deployment)))];
    }),
  );
  return reports.flat();
}
