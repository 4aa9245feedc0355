import type { Client } from '@temporalio/client';
import type { Command } from 'commander';
import { deploymentsOf } from '../../domain/index.ts';
import type { ExitCode } from '../exit-codes.ts';
import { nameOf, withExample } from '../options.ts';
import { inTime, withTemporal } from '../temporal.ts';
import { clock } from '../view/format.ts';
import { print, printJsonLine, printLines } from '../view/output.ts';
import { findTrain, type TrainHandle } from './find-train.ts';
import { noWorker, reasons, stateWords } from './render-train.ts';
import { trainEnd } from './train-end.ts';
import { seeTrain, type TrainSight } from './train-sight.ts';

interface WatchTrainOptions {
  readonly train: string;
  readonly json?: true;
}

export function addWatchTrain(command: Command): void {
  command
    .requiredOption('--train <name>', 'the train', nameOf)
    .option('--json', 'print one JSON object per change, the outcome last')
    .action(async ({ train, ...options }: WatchTrainOptions) => {
      await withTemporal(async (client) => {
        const { handle } = await findTrain(client, train);
        process.exitCode = await followTrain(client, handle, { name: train, ...options });
      });
    });
  withExample(command, 'watch --train spring', 'watch --train spring --json | jq -r .text');
}

const EVERY_MS = 1_000;

/** Looks again and again until the train is closed; the last sight has its end. */
export async function* pollTrain(client: Client, handle: TrainHandle): AsyncGenerator<TrainSight> {
  for (;;) {
    const description = await inTime(client, () => handle.describe());
    const sight = await seeTrain(client, handle, description);
    yield sight;
    if (sight.end) return;
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

/** A line for each change of the train and of its deployments, until it ends. @returns the exit code for how it ended. */
export async function followTrain(
  client: Client,
  handle: TrainHandle,
  { name, json }: { readonly name: string; readonly json?: true },
): Promise<ExitCode> {
  const shown = new Map<string, string>();
  const say = (kind: string, text: string, data: object): void =>
    json ? printJsonLine({ at: Date.now(), kind, text, data }) : print(`${clock(Date.now())}  ${text}`);
  const sayNew = (kind: string, what: string, words: string, data: object): void => {
    if (shown.get(what) === words) return;
    shown.set(what, words);
    say(kind, `${what}: ${words}`, data);
  };
  for await (const sight of pollTrain(client, handle)) {
    const { status, running } = sight;
    if (!status) {
      sayNew('worker', `train ${name}`, 'no worker answers', {});
      continue;
    }
    const { phase, stage, until } = status;
    const where = stage === undefined ? '' : `, stage ${stage}`;
    const ends = until === undefined ? '' : `, until ${clock(until)}`;
    sayNew('train', `train ${name}`, [`${phase}${where}${ends}`, ...noWorker(sight)].join('; '), {
      phase,
      stage,
      until,
    });
    for (const one of deploymentsOf(status)) {
      if (one.state === 'waiting') continue;
      const { service, version, environment, state } = one;
      const now = running.get(one.workflowId);
      const { phase: its, greenPercentage } = now ?? {};
      sayNew('deployment', `${service} ${version} in ${environment}`, stateWords(one, now), {
        service,
        environment,
        version,
        state,
        phase: its,
        greenPercentage,
      });
    }
  }
  const { exitCode, summary, status } = await trainEnd(client, handle);
  say('outcome', summary, { exitCode, status });
  if (status && !json) printLines(reasons(status));
  return exitCode;
}
