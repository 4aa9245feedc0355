import type { Client } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/common';
import { type Command, Option } from 'commander';
import {
  DEFAULT_ENVIRONMENT,
  deploymentWorkflowId,
  isClosed,
  type TrainRequest,
  trainWorkflowId,
} from '../../domain/index.ts';
import { count } from '../../format/index.ts';
import { loadTrain, RunbookError } from '../../runbook/index.ts';
import { hasEnded, TRAIN_TYPE, taskQueue } from '../../temporal/index.ts';
import { START_WORKER } from '../../util/index.ts';
import type { blueGreenTrain } from '../../workflows/index.ts';
import { COMMAND } from '../address.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { withBy, withExample } from '../options.ts';
import { inTime, withTemporal } from '../temporal.ts';
import { print, printLines } from '../view/output.ts';
import type { TrainHandle } from './find-train.ts';
import { followTrain, pollTrain } from './follow-train.ts';
import { noWorker, reasons } from './render-train.ts';
import type { TrainSight } from './train-sight.ts';

interface StartTrainOptions {
  readonly train: string;
  readonly by?: string;
  readonly reason?: string;
  readonly watch?: true;
  readonly wait: boolean;
}

export function addStartTrain(command: Command): void {
  withBy(command.requiredOption('--train <file>', 'the train file (docs/trains.md)'), 'who requests it')
    .option('--reason <text>', "why; without it, the file's reason")
    .option('--watch', 'then watch it until it ends')
    .addOption(new Option('--no-wait', 'do not wait until its first deployments are accepted').conflicts('watch'))
    .action(startTrain);
  withExample(command, 'start --train trains/spring.yaml --reason "the new query pattern" --watch');
}

async function startTrain({ train: file, watch, wait, by, reason }: StartTrainOptions): Promise<void> {
  const train = await readTrain(file);
  const request: TrainRequest = {
    ...train,
    ...(by === undefined ? {} : { requestedBy: by }),
    ...(reason === undefined ? {} : { reason }),
  };
  await withTemporal(async (client) => {
    await refuseTaken(client, request);
    const handle = await startOrRefuse(client, request);
    const { name, stages } = request;
    const deployments = stages.flatMap((stage) => stage.deployments);
    print(`Started: train ${name}, ${count(deployments.length, 'deployment')} in ${count(stages.length, 'stage')}.`);
    print(`  workflow  ${handle.workflowId}`);
    print(`  follow    ${COMMAND} watch --train ${name}`);
    print(`  end it    ${COMMAND} abort --train ${name} --reason "..."`);
    if (watch) process.exitCode = await followTrain(client, handle, { name });
    else if (wait) await sayWhetherItBegan(client, handle, name);
  });
}

/** @throws CliError with every mistake in the file. */
export async function readTrain(file: string): Promise<TrainRequest> {
  return loadTrain(file).catch((error: unknown) => {
    throw error instanceof RunbookError ? new CliError(EXIT.usage, error.message, { cause: error }) : error;
  });
}

/** Nothing is begun that would stop half way since somebody else deploys there now. @throws CliError that names all of them. */
async function refuseTaken(client: Client, { name, stages }: TrainRequest): Promise<void> {
  if (await isRunning(client, trainWorkflowId(name))) throw underWay(name);
  const all = stages.flatMap(({ deployments }) => deployments);
  const taken = await Promise.all(
    all.map(async ({ service, environment = DEFAULT_ENVIRONMENT }) => {
      const isTaken = await isRunning(client, deploymentWorkflowId(service, environment));
      return isTaken ? [`  ${service} in ${environment}`] : [];
    }),
  );
  const lines = taken.flat();
  if (lines.length === 0) return;
  throw new CliError(
    EXIT.underWay,
    [
      'Not started: a deployment or a rollback is already running for',
      ...lines,
      `See them: ${COMMAND} list --open`,
    ].join('\n'),
  );
}

async function isRunning(client: Client, workflowId: string): Promise<boolean> {
  try {
    const { status } = await inTime(client, () => client.workflow.getHandle(workflowId).describe());
    return !hasEnded(status.name);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

async function startOrRefuse(client: Client, request: TrainRequest): Promise<TrainHandle> {
  const { name } = request;
  const workflowId = trainWorkflowId(name);
  try {
    const { firstExecutionRunId } = await inTime(client, () =>
      client.workflow.start<typeof blueGreenTrain>(TRAIN_TYPE, {
        workflowId,
        taskQueue: taskQueue(),
        args: [request],
        workflowIdConflictPolicy: 'FAIL',
        staticSummary: `train ${name}`,
      }),
    );
    return client.workflow.getHandle<typeof blueGreenTrain>(workflowId, firstExecutionRunId);
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    throw underWay(name, error);
  }
}

function underWay(name: string, cause?: unknown): CliError {
  return new CliError(
    EXIT.underWay,
    `Not started: the train ${name} is already running. See it: ${COMMAND} status --train ${name}`,
    { cause },
  );
}

/** Finding the runbooks, with the retries; a worker that runs answers at once. */
const BEGUN_WITHIN_MS = 200_000;
const WORKER_WITHIN_MS = 30_000;
/** A deployment that is refused is so in a moment; what takes longer is not waited for. */
const ACCEPTED_WITHIN_MS = 30_000;

/** Whether a deployment of the stage may still be refused for what is asked of it, or has ended just now. */
function isResolving({ status, running }: TrainSight): boolean {
  const stage = status?.stages.find(({ name }) => name === status.stage);
  return (stage?.deployments ?? []).some(({ state, workflowId }) => {
    const { phase = 'resolving' } = running.get(workflowId) ?? {};
    return state === 'waiting' || (state === 'running' && (phase === 'resolving' || isClosed(phase)));
  });
}

async function sayWhetherItBegan(client: Client, handle: TrainHandle, name: string): Promise<void> {
  const startedAt = Date.now();
  for await (const sight of pollTrain(client, handle)) {
    const { status, end } = sight;
    if (end) {
      const { exitCode, summary } = end;
      const text = [exitCode === EXIT.refused ? `Refused: ${summary}` : summary, ...(status ? reasons(status) : [])];
      if (exitCode !== EXIT.ok) throw new CliError(exitCode, text.join('\n'));
      return print(summary);
    }
    const waitedMs = Date.now() - startedAt;
    if (status && status.phase !== 'planning') {
      if (isResolving(sight) && waitedMs < ACCEPTED_WITHIN_MS) continue;
      print(`Begun: every runbook is found; ${status.stage} is deployed first.`);
      return printLines(reasons(status));
    }
    const [obstacle] = noWorker(sight);
    if (waitedMs < (status && obstacle === undefined ? BEGUN_WITHIN_MS : WORKER_WITHIN_MS)) continue;
    throw new CliError(
      EXIT.notAccepted,
      `Started, but not begun: ${status ? (obstacle ?? 'its runbooks are not found yet') : `no worker answers. Start one (${START_WORKER}) with the task queue "${taskQueue()}" (BLUEGREEN_TASK_QUEUE)`}. ` +
        `It continues by itself as soon as it can. See it: ${COMMAND} status --train ${name}`,
    );
  }
}
