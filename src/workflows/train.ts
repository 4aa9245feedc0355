import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import {
  abortOfDeployments,
  because,
  deploymentsOf,
  FAILURE,
  failureOf,
  isEnding,
  STATE_WORDS,
  type TrainDeployment,
  type TrainPlan,
  type TrainRequest,
  type TrainStatus,
  trainClosed,
  trainDeploymentChanged,
  trainEntered,
  trainPlanned,
  wordsOf,
} from '../domain/index.ts';
import { work, workOn } from './activity-proxy.ts';
import type { blueGreenDeployment } from './blue-green.ts';
import type { blueGreenRollback } from './blue-green-rollback.ts';
import { childEnd, isAlreadyStarted } from './child-end.ts';
import { errorMessage, withoutStack } from './failures.ts';
import * as messages from './messages.ts';
import { logTrainEnd, openTrain, type Train } from './train-state.ts';

/** Checking the train, and finding a runbook. */
const PLAN_MS = 60_000;

/**
 * Deploys several runbooks in stages: each deployment is a child workflow under its own lock, with its own gates, watch and
 * rollback. Takes a {@link TrainRequest}; closes as completed with the last status, as failed with it in the failure's details, or
 * as cancelled. To cancel it aborts it; its end by force ends none of its deployments.
 */
export async function blueGreenTrain(request: TrainRequest): Promise<TrainStatus> {
  const train = openTrain(workflowInfo().workflowId);
  return CancellationScope.nonCancellable(async () => {
    const plan = await planTrain(train, request);
    if (plan) await deployStages(train, plan);
    if (plan?.onRollback === 'roll-back-all' && isEnding(train.status())) await rollBackCompleted(train);
    return closeTrain(train);
  });
}

/** Nothing is started before every runbook is found where it is needed. Answers nothing where the train may not begin. */
async function planTrain(train: Train, request: TrainRequest): Promise<TrainPlan | undefined> {
  try {
    refuseTimeLimit();
    return await untilEnding(train, async () => {
      const plan = await work('check the train', PLAN_MS).planTrain(request);
      train.change((status) => trainPlanned(status, plan));
      await Promise.all(deploymentsOf(train.status()).map(findRunbook));
      return plan;
    });
  } catch (error) {
    // One that is aborted says so itself.
    if (!isEnding(train.status())) train.change((status) => ({ ...status, outcome: errorMessage(error) }));
    return undefined;
  }
}

async function findRunbook({ taskQueue, ...one }: TrainDeployment): Promise<void> {
  const { service, environment } = one;
  try {
    await workOn(taskQueue, `find the runbook of ${service}`, PLAN_MS).findRunbook({ service, environment });
  } catch (error) {
    const by = taskQueue === undefined ? '' : ` by the workers of the task queue "${taskQueue}"`;
    throw invalid(`The train cannot deploy ${service} in ${environment}${by}: ${errorMessage(error)}`);
  }
}

/** The server would end the train at its limit, and what is deployed would stay. */
function refuseTimeLimit(): void {
  const { executionTimeoutMs = 0, runTimeoutMs = 0 } = workflowInfo();
  if (executionTimeoutMs + runTimeoutMs === 0) return;
  throw invalid(
    'This train was started with a time limit (execution or run timeout). At its end the server would end the train without a rollback: start it without one.',
  );
}

/** An abort ends the wait. */
async function untilEnding<Result>(train: Train, body: () => Promise<Result>): Promise<Result> {
  return CancellationScope.cancellable(async () => {
    const done = body();
    await Promise.race([done, condition(() => isEnding(train.status()))]);
    CancellationScope.current().cancel();
    return await done;
  });
}

/** Returns when all are deployed, or when none runs any more and no further one may start. */
async function deployStages(train: Train, { stages }: TrainPlan): Promise<void> {
  for (const [index, { name, pauseMs }] of stages.entries()) {
    if (isEnding(train.status())) return;
    train.change((status, at) => trainEntered(status, 'deploying', at, { stage: name }));
    await Promise.all(inStage(train, index).map((one) => deploy(train, one)));
    if (pauseMs === undefined || isEnding(train.status())) continue;
    train.change((status, at) => trainEntered(status, 'pausing', at, { until: at + pauseMs }));
    await condition(() => isEnding(train.status()), pauseMs, { summary: `pause after ${name}` });
  }
}

async function deploy(train: Train, one: TrainDeployment): Promise<void> {
  const { workflowId, service, environment, version, taskQueue } = one;
  const { name, requestedBy, reason } = train.status();
  const request = { service, environment, version, reason: `Train ${name}${because(reason)}` };
  await recordEnd(train, one, 'completed', async () => {
    const child = await startChild<typeof blueGreenDeployment>('blueGreenDeployment', {
      workflowId,
      args: [requestedBy === undefined ? request : { ...request, requestedBy }],
      parentClosePolicy: 'ABANDON',
      ...(taskQueue === undefined ? {} : { taskQueue }),
    });
    const runId = child.firstExecutionRunId;
    train.change((status, at) =>
      trainDeploymentChanged(status, workflowId, { state: 'running', runId, startedAt: at }),
    );
    const ended = child.result();
    const abort = (): ReturnType<typeof abortOfDeployments> => abortOfDeployments(train.status());
    await Promise.race([ended, condition(() => abort() !== undefined)]);
    const asked = abort();
    // One that has ended meanwhile takes no message.
    if (asked) await child.signal(messages.abort, asked).catch(() => undefined);
    return (await ended).summary;
  });
}

/** The last stage first. What was terminated is rolled back, too: its traffic may be anywhere. */
async function rollBackCompleted(train: Train): Promise<void> {
  const { stages } = train.status();
  train.change((status, at) => trainEntered(status, 'rolling-back', at));
  for (const index of [...stages.keys()].toReversed())
    await Promise.all(
      inStage(train, index)
        .filter(({ state }) => state === 'completed' || state === 'terminated')
        .map((one) => rollBackDeployment(train, one)),
    );
}

async function rollBackDeployment(train: Train, one: TrainDeployment): Promise<void> {
  const { workflowId, service, environment, taskQueue, runId: run } = one;
  const { name } = train.status();
  const request = { service, environment, requestedBy: `train ${name}`, reason: whyAll(train.status()) };
  train.change((status) => trainDeploymentChanged(status, workflowId, { state: 'rolling-back' }));
  await recordEnd(train, one, 'rolled-back', async () => {
    const child = await startChild<typeof blueGreenRollback>('blueGreenRollback', {
      workflowId,
      args: [run === undefined ? request : { ...request, run }],
      parentClosePolicy: 'ABANDON',
      ...(taskQueue === undefined ? {} : { taskQueue }),
    });
    const rollbackRunId = child.firstExecutionRunId;
    train.change((status) => trainDeploymentChanged(status, workflowId, { rollbackRunId }));
    return (await child.result()).summary;
  });
}

function whyAll(status: TrainStatus): string {
  const { ending, name } = status;
  const failed = failureOf(status);
  if (!failed || ending) return `The train ${name} was ${ending?.cause} by ${ending?.by}${because(ending?.reason)}`;
  return `${wordsOf(failed)} ${STATE_WORDS[failed.state]}, and the train ${name} rolls back all`;
}

/** Runs one deployment, or its rollback, to its end. However that ends, it is recorded, and the train goes on. */
async function recordEnd(
  train: Train,
  { workflowId, service, environment }: TrainDeployment,
  done: 'completed' | 'rolled-back',
  run: () => Promise<string>,
): Promise<void> {
  const record = (change: Partial<TrainDeployment>): void =>
    train.change((status, at) => trainDeploymentChanged(status, workflowId, { ...change, endedAt: at }));
  try {
    record({ outcome: await run(), state: done });
  } catch (error) {
    if (isAlreadyStarted(error)) {
      const other = `another deployment or rollback of ${service} in ${environment} was running under ${workflowId}.`;
      if (done === 'completed') return record({ outcome: `Not started: ${other}`, state: 'refused' });
      const see = `Its status (status --service ${service} --environment ${environment}) says what serves.`;
      return record({ outcome: `The train's rollback was not started: ${other} ${see}`, state: 'left-to-another' });
    }
    const { state, outcome } = childEnd(error);
    record({ outcome, state: done === 'completed' ? state : 'not-rolled-back' });
  }
}

function inStage(train: Train, index: number): readonly TrainDeployment[] {
  return train.status().stages[index]?.deployments ?? [];
}

function closeTrain(train: Train): TrainStatus {
  train.change(trainClosed);
  const status = train.status();
  logTrainEnd(status);
  const { phase, outcome = '', ending } = status;
  if (phase === 'completed') return status;
  if (ending?.cause === 'cancelled') throw new CancelledFailure(outcome);
  throw withoutStack(
    ApplicationFailure.create({
      type: phase === 'refused' ? FAILURE.InvalidRequest : FAILURE.TrainFailed,
      message: outcome,
      nonRetryable: true,
      details: [status],
    }),
  );
}

function invalid(message: string): ApplicationFailure {
  return withoutStack(ApplicationFailure.nonRetryable(message, FAILURE.InvalidRequest));
}
