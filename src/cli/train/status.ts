import type { Command } from 'commander';
import { withExample } from '../options.ts';
import { withTemporal } from '../temporal.ts';
import { paintFor, printJson, printLines } from '../view/output.ts';
import { findTrain } from './find-train.ts';
import { renderTrainSight } from './render-train.ts';
import { seeTrain } from './train-sight.ts';

interface TrainStatusOptions {
  readonly train: string;
  readonly json?: true;
}

export function addTrainStatus(command: Command): void {
  command
    .requiredOption('--train <name>', 'the train')
    .option(
      '--json',
      'print the answer of the train\'s query "status", of its running deployments under "running", and task queues "withoutWorker"',
    )
    .action(trainStatus);
  withExample(command, 'status --train spring', 'status --train spring --json');
}

async function trainStatus({ train, json }: TrainStatusOptions): Promise<void> {
  await withTemporal(async (client) => {
    const { handle, description } = await findTrain(client, train);
    const sight = await seeTrain(client, handle, description);
    if (!json) return printLines(renderTrainSight(sight, train, paintFor()));
    const { status, state, running, end, withoutWorker } = sight;
    printJson({
      ...(status ?? { unanswered: 'no worker answers', temporal: { state } }),
      ...(end && !status ? { outcome: end.summary } : {}),
      ...(withoutWorker ? { withoutWorker } : {}),
      running: Object.fromEntries(running),
    });
  });
}
