import { describe, expect, test } from '@jest/globals';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { deploymentWorkflowId } from '../../src/domain/plan.ts';
import {
  deploymentsOf,
  type TrainDeployment,
  type TrainRequest,
  type TrainStatus,
  trainWorkflowId,
} from '../../src/domain/train.ts';
import type { blueGreenDeployment } from '../../src/workflows/blue-green.ts';
import * as messages from '../../src/workflows/messages.ts';
import type { blueGreenTrain } from '../../src/workflows/train.ts';
import { eventually } from '../processes/support.ts';
import {
  type DeploymentHandle,
  keepHistory,
  observe,
  start,
  uniqueQueue,
  uniqueService,
  useTemporal,
} from '../support/temporal.ts';
import { type Script, world } from '../support/world.ts';

const temporal = useTemporal();
type TrainHandle = WorkflowHandle<typeof blueGreenTrain>;

const NO_GATES: Script = {
  plan: (plan) => ({ ...plan, traffic: [{ percentage: 100, soakMs: 100 }] }),
};
const BREACH: Script = { ...NO_GATES, watch: () => ({ verdict: 'breached', reason: 'green failed 20 of 100' }) };

/** Blue is not proven healthy before `goOn`. */
function heldRecovery(): { readonly slow: Script; readonly goOn: () => void } {
  let goOn = (): void => {};
  const held = new Promise<void>((resolve) => (goOn = resolve));
  const verifyRecovery = async () => {
    await held;
    return { healthyAt: Date.now(), requests: 50, evidence: [] };
  };
  return { slow: { ...NO_GATES, activities: { verifyRecovery } }, goOn };
}

interface Place {
  readonly service: string;
  readonly taskQueue: string;
}

/** Workers of several places run while `body` does, each in a world of its own. */
async function inPlaces(scripts: readonly Script[], body: (...places: Place[]) => Promise<void>): Promise<void> {
  const places = scripts.map(() => ({ service: uniqueService(), taskQueue: uniqueQueue() }));
  const workers = await Promise.all(
    scripts.map((script, index) => temporal.startWorker(world(script).activities, places[index]?.taskQueue ?? '')),
  );
  try {
    await body(...places);
  } finally {
    for (const { service } of places)
      await temporal
        .client()
        .workflow.getHandle(deploymentWorkflowId(service))
        .terminate()
        .catch(() => {});
    await Promise.all(workers.map((worker) => worker.stop()));
  }
}

async function startTrain(
  stages: TrainRequest['stages'],
  more: Partial<TrainRequest> = {},
  options: { readonly workflowRunTimeout?: number } = {},
): Promise<TrainHandle> {
  const name = uniqueService();
  return temporal.client().workflow.start<typeof blueGreenTrain>('blueGreenTrain', {
    workflowId: trainWorkflowId(name),
    taskQueue: stages[0]?.deployments[0]?.taskQueue ?? uniqueQueue(),
    args: [{ name, onRollback: 'stop', stages, ...more }],
    ...options,
  });
}

const stage = (name: string, ...places: readonly Place[]) => ({
  name,
  deployments: places.map((place) => ({ ...place, version: '2.5.0' })),
});

const deploymentOf = ({ service }: Place) =>
  observe(temporal.client().workflow.getHandle<typeof blueGreenDeployment>(deploymentWorkflowId(service)));

/** By service: what has become of each deployment. */
function statesOf(status: TrainStatus): TrainDeployment['state'][] {
  return deploymentsOf(status).map(({ state }) => state);
}

const keep = (name: string, train: TrainHandle) => keepHistory(name, train as unknown as DeploymentHandle);
const statusOf = (train: TrainHandle) => train.query(messages.trainStatus);

async function until(train: TrainHandle, wanted: (status: TrainStatus) => boolean): Promise<TrainStatus> {
  return eventually(async () => {
    const status = await statusOf(train);
    return wanted(status) ? status : undefined;
  });
}

async function failureOf(train: TrainHandle): Promise<{ type: string; message: string; status: TrainStatus }> {
  const error = await train.result().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof WorkflowFailedError) || !(error.cause instanceof ApplicationFailure))
    throw new Error(`expected a failed train, found ${String(error)}`);
  const { type, message, details } = error.cause;
  return { type: type ?? '', message, status: details?.[0] as TrainStatus };
}

describe('a train', () => {
  test('deploys the stages one after the other, those of a stage side by side, and pauses between stages', async () => {
    await inPlaces([{}, {}, NO_GATES], async (staging, other, production) => {
      const train = await startTrain([
        { ...stage('staging', staging, other), pause: '1s' },
        stage('production', production),
      ]);
      await deploymentOf(staging).untilPhase('awaiting-approval');
      await deploymentOf(other).untilPhase('awaiting-approval');
      expect(await statusOf(train)).toMatchObject({ phase: 'deploying', stage: 'staging' });
      await deploymentOf(staging).handle.signal(messages.approve, { by: 'ana' });
      await until(train, (status) => statesOf(status)[0] === 'completed');
      expect(statesOf(await statusOf(train))).toEqual(['completed', 'running', 'waiting']);

      await deploymentOf(other).handle.signal(messages.approve, { by: 'ana' });
      const pausing = await until(train, ({ phase }) => phase === 'pausing');
      await keep('open-train-pausing', train);
      expect(pausing).toMatchObject({ stage: 'staging', until: pausing.phaseSince + 1_000 });
      const status = await train.result();
      expect(status).toMatchObject({ phase: 'completed' });
      expect(status.outcome).toBe(`All 3 deployments of the train ${status.name} completed.`);
      await keep('train-completed', train);
      const [first, , last] = deploymentsOf(status);
      expect(last?.startedAt).toBeGreaterThanOrEqual((first?.endedAt ?? 0) + 1_000);
    });
  });

  test('that stops leaves what completed, lets the others of the stage go on, and starts no further one', async () => {
    await inPlaces([NO_GATES, BREACH, {}, NO_GATES], async (done, bad, sibling, never) => {
      const train = await startTrain([stage('one', done), stage('two', bad, sibling), stage('three', never)]);
      await until(train, (status) => statesOf(status)[1] === 'rolled-back');
      await deploymentOf(sibling).untilPhase('awaiting-approval');
      await deploymentOf(sibling).handle.signal(messages.approve, { by: 'ana' });

      const { type, message, status } = await failureOf(train);
      await keep('train-stopped', train);
      expect(type).toBe('TrainFailed');
      expect(status.phase).toBe('stopped');
      expect(statesOf(status)).toEqual(['completed', 'rolled-back', 'completed', 'waiting']);
      expect(message).toContain(`${bad.service} 2.5.0 in production was rolled back.`);
      expect(message).toContain('1 of 4 deployments was not started.');
      expect(deploymentsOf(status)[1]?.outcome).toContain('green failed 20 of 100');
    });
  });

  test('that rolls back all aborts the others of the stage, and then rolls back what completed, the last stage first', async () => {
    await inPlaces([NO_GATES, NO_GATES, BREACH, {}], async (first, second, bad, sibling) => {
      const stages = [stage('one', first), stage('two', second), stage('three', bad, sibling)];
      const train = await startTrain(stages, { onRollback: 'roll-back-all' });
      const { type, status } = await failureOf(train);
      await keep('train-rolled-back', train);
      expect(type).toBe('TrainFailed');
      expect(status.phase).toBe('rolled-back');
      const [one, two, three, four] = deploymentsOf(status);
      expect(three).toMatchObject({ state: 'rolled-back', outcome: expect.stringContaining('green failed 20 of 100') });
      expect(['rolled-back', 'refused']).toContain(four?.state); // as far as it had come
      expect(four?.outcome).toContain(
        `${bad.service} 2.5.0 in production was rolled back, and the train rolls back all`,
      );
      for (const undone of [one, two]) {
        expect(undone).toMatchObject({ state: 'rolled-back', rollbackRunId: expect.any(String) });
        expect(undone?.outcome).toContain(`was rolled back to 2.4.0: Requested by train ${status.name}`);
      }
      expect(one?.endedAt).toBeGreaterThan(two?.endedAt ?? Number.POSITIVE_INFINITY);
    });
  });

  test('that rolls back all says which deployment could not be, and rolls back the others', async () => {
    const retired = ApplicationFailure.nonRetryable('2.4.0 was retired', 'InvalidRequest');
    const cannot: Script = { ...NO_GATES, activities: { resolveRollback: () => Promise.reject(retired) } };
    await inPlaces([NO_GATES, cannot, BREACH], async (first, second, bad) => {
      const stages = [stage('one', first), stage('two', second), stage('three', bad)];
      const { message, status } = await failureOf(await startTrain(stages, { onRollback: 'roll-back-all' }));
      expect(status.phase).toBe('stopped');
      expect(statesOf(status)).toEqual(['rolled-back', 'not-rolled-back', 'rolled-back']);
      expect(message).toContain(`${second.service} 2.5.0 in production completed and could not be rolled back.`);
      expect(deploymentsOf(status)[1]?.outcome).toBe('2.4.0 was retired');
    });
  });

  test('that rolls back all says that somebody else rolls back one of them already', async () => {
    const { slow, goOn } = heldRecovery();
    await inPlaces([slow, {}], async (first, second) => {
      const train = await startTrain([stage('one', first), stage('two', second)], { onRollback: 'roll-back-all' });
      await deploymentOf(second).untilPhase('awaiting-approval');
      const { service, taskQueue } = first;
      const own = await temporal.client().workflow.start('blueGreenRollback', {
        workflowId: deploymentWorkflowId(service),
        taskQueue,
        args: [{ service, reason: 'it is slow', requestedBy: 'ana' }],
      });
      await deploymentOf(second).handle.signal(messages.abort, { by: 'ben' });
      const { message, status } = await failureOf(train);
      expect(statesOf(status)).toEqual(['left-to-another', 'rolled-back']);
      expect(status.phase).toBe('stopped');
      expect(message).toContain(
        `${service} 2.5.0 in production completed, and the train did not roll it back: another deployment or rollback of it was running.`,
      );
      expect(deploymentsOf(status)[0]?.outcome).toBe(
        `The train's rollback was not started: another deployment or rollback of ${service} in production was running under ${own.workflowId}. Its status (status --service ${service} --environment production) says what serves.`,
      );
      goOn();
      await own.result();
    });
  });

  test('whose rollback has begun takes no abort and no cancellation', async () => {
    const { slow, goOn } = heldRecovery();
    await inPlaces([slow, BREACH], async (first, bad) => {
      const stages = [stage('one', first), stage('two', bad)];
      const train = await startTrain(stages, { onRollback: 'roll-back-all' });
      await until(train, (status) => statesOf(status)[0] === 'rolling-back');
      await train.cancel();
      const refused = await train
        .executeUpdate(messages.decideTrain, { args: [{ action: 'abort', by: 'ana' }] })
        .catch((error: { cause: Error }) => error.cause.message);
      expect(refused).toContain('the train is rolling back; that cannot be stopped');
      goOn();
      const { status } = await failureOf(train);
      expect(status).toMatchObject({ phase: 'rolled-back' });
      expect(status).not.toHaveProperty('ending');
    });
  });

  test('refuses a deployment whose lock another one has, and fails with the reason', async () => {
    await inPlaces([{}], async (place) => {
      const other = await start(temporal.client(), place.taskQueue, { service: place.service, version: '2.6.0' });
      const { status } = await failureOf(await startTrain([stage('one', place)]));
      expect(status.phase).toBe('refused');
      expect(deploymentsOf(status)[0]?.outcome).toBe(
        `Not started: another deployment or rollback of ${place.service} in production was running under ${other.workflowId}.`,
      );
      expect((await other.describe()).status.name).toBe('RUNNING');
    });
  });

  test.each<[string, (train: TrainHandle) => Promise<unknown>, string]>([
    [
      'aborted',
      (train) => train.signal(messages.abort, { by: 'ana', reason: 'wrong version' }),
      'aborted by ana: wrong version',
    ],
    ['cancelled', (train) => train.cancel(), 'cancelled by a cancellation of its workflow'],
  ])('that is %s aborts what runs', async (cause, end, words) => {
    await inPlaces([NO_GATES, {}, {}], async (done, running, never) => {
      const train = await startTrain([stage('one', done), stage('two', running), stage('three', never)]);
      await until(train, (status) => statesOf(status)[1] === 'running');
      await deploymentOf(running).untilPhase('awaiting-approval');
      await end(train);
      const error = await train.result().catch((thrown: WorkflowFailedError) => thrown.cause);
      expect(error).toBeInstanceOf(cause === 'cancelled' ? CancelledFailure : ApplicationFailure);
      await keep(`train-${cause}`, train);
      const status = await statusOf(train);
      expect(status).toMatchObject({ phase: 'stopped', ending: { cause } });
      expect(statesOf(status)).toEqual(['completed', 'rolled-back', 'waiting']);
      expect(status.outcome).toContain(`was ${words}`);
      const { ending } = await deploymentOf(running).status();
      expect(ending).toMatchObject({ cause: 'aborted' });
      expect(ending?.reason).toContain(`The train ${status.name} was ${cause}`);
    });
  });

  test('that is terminated ends none of its deployments', async () => {
    await inPlaces([{}], async (place) => {
      const train = await startTrain([stage('one', place)]);
      await until(train, (status) => statesOf(status)[0] === 'running');
      await deploymentOf(place).untilPhase('awaiting-approval');
      await train.terminate('by somebody');
      await deploymentOf(place).handle.signal(messages.approve, { by: 'ana' });
      expect((await deploymentOf(place).handle.result()).outcome).toBe('completed');
    });
  });

  test('ends its pause when it is aborted, and takes no second abort', async () => {
    await inPlaces([NO_GATES, {}], async (done, never) => {
      const train = await startTrain([{ ...stage('one', done), pause: '1h' }, stage('two', never)]);
      await until(train, ({ phase }) => phase === 'pausing');
      const decision = { action: 'abort', by: 'ana', decisionId: 'mine' } as const;
      expect(await train.executeUpdate(messages.decideTrain, { args: [decision] })).toEqual({ taken: true });
      const { status } = await failureOf(train);
      expect(statesOf(status)).toEqual(['completed', 'waiting']);
      expect(status.decisions).toMatchObject([{ action: 'abort', by: 'ana', taken: true }]);
    });
  });

  test('takes no message that is not its own, and none of them ends it', async () => {
    await inPlaces([{}], async (place) => {
      const train = await startTrain([stage('one', place)]);
      const decide = (decision: unknown) =>
        train
          .executeUpdate(messages.decideTrain, { args: [decision as never] })
          .catch((error: { cause: Error }) => error.cause.message);
      expect(await decide({ action: 'approve', by: 'ana' })).toContain('"action" is "approve", expected abort');
      expect(await decide({ action: 'abort' })).toContain('"by" is missing');
      expect(await decide(null)).toContain('"action" is nothing, expected abort');
      await train.signal('abort', 'nonsense');
      await train.signal('abort', { by: 7 });
      expect(await until(train, ({ ignored }) => ignored === 2)).not.toHaveProperty('ending');
      await train.terminate('the test is over');
    });
  });
});

describe('a train that may not begin is refused, and nothing is started', () => {
  test('for a mistake in it, with every line', async () => {
    await inPlaces([{}], async (place) => {
      const stages = [{ ...stage('one', place, place), pause: 'soon' }];
      const { type, message } = await failureOf(await startTrain(stages, { onRollback: 'perhaps' as never }));
      expect(type).toBe('InvalidRequest');
      expect(message).toContain('train.onRollback: found "perhaps", expected roll-back-all or stop');
      expect(message).toContain('train.stages[0].pause: found "soon", expected a duration such as 90s, 10m or 4h');
    });
  });

  test('for a runbook that is not there', async () => {
    const missing = ApplicationFailure.nonRetryable('no runbook for it in /runbooks', 'InvalidRequest');
    await inPlaces([NO_GATES, { activities: { findRunbook: () => Promise.reject(missing) } }], async (good, bad) => {
      const { message, status } = await failureOf(await startTrain([stage('one', good), stage('two', bad)]));
      expect(message).toBe(
        `The train cannot deploy ${bad.service} in production by the workers of the task queue "${bad.taskQueue}": no runbook for it in /runbooks`,
      );
      expect(statesOf(status)).toEqual(['waiting', 'waiting']);
    });
  });

  test('for a time limit', async () => {
    await inPlaces([NO_GATES], async (place) => {
      const train = await startTrain([stage('one', place)], {}, { workflowRunTimeout: 60_000 });
      expect((await failureOf(train)).message).toContain('started with a time limit');
    });
  });

  test('when it is aborted while no worker of a task queue answers', async () => {
    await inPlaces([NO_GATES], async (place) => {
      const elsewhere = { service: uniqueService(), taskQueue: uniqueQueue() };
      const train = await startTrain([stage('one', place), stage('two', elsewhere)]);
      await until(train, ({ stages }) => stages.length === 2);
      await train.signal(messages.abort, { by: 'ana' });
      expect((await failureOf(train)).status).toMatchObject({ phase: 'refused', ending: { by: 'ana' } });
    });
  });
});
