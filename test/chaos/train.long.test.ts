import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import type { WorkflowHandle } from '@temporalio/client';
import { deploymentsOf, type TrainStatus, trainWorkflowId } from '../../src/domain/train.ts';
import * as messages from '../../src/workflows/messages.ts';
import type { blueGreenTrain } from '../../src/workflows/train.ts';
import { startLittleProduction } from '../support/little-production.ts';
import { uniqueService, useTemporal } from '../support/temporal.ts';
import { startWorkerProcess } from '../support/worker-process.ts';
import { appeared, eventsOf } from './support/events.ts';
import { atOnce, eventually, GREEN } from './support/scene.ts';
import { everything, sample, seeded } from './support/seed.ts';

/** Invariant 11, of a train of two services on two task queues: the second one is bad, so the first one goes back, too. */

const temporal = useTemporal();
type TrainHandle = WorkflowHandle<typeof blueGreenTrain>;
const IN_A_SAMPLE = 2;
const AT_ONCE = 4;
const ALL_MS = 3_600_000;
const SAMPLE_MS = 900_000;

const CHANGES = { traffic: [{ percentage: 100, soak: '4s' }], recovery: { guard: '1s' }, checklist: [] };

/** A service of its own in a production of its own, and the workers of its task queue. */
async function startPlace() {
  const service = uniqueService();
  const taskQueue = `train-${randomUUID()}`;
  const production = await startLittleProduction(service, CHANGES);
  const start = () => startWorkerProcess(taskQueue, production.env);
  let worker = start();
  return {
    production,
    deployment: { service, taskQueue, version: GREEN },
    replaceWorker: async () => {
      await worker.kill('SIGKILL');
      worker = start();
    },
    close: async () => {
      await worker.kill('SIGKILL');
      await production.stop();
    },
  };
}

interface Account {
  readonly phase: string;
  readonly states: readonly string[];
  readonly effects: readonly (readonly string[])[];
  readonly shares: readonly number[];
}

const EXPECTED: Account = {
  phase: 'rolled-back',
  states: ['rolled-back', 'rolled-back'],
  effects: [
    [`deploy ${GREEN}`, 'shift 100', 'rollback'],
    [`deploy ${GREEN}`, 'shift 100', 'rollback'],
  ],
  shares: [0, 0],
};

/** One run; `kill` is called when the train has started, and may replace the workers of both places. */
async function run<Result>(
  kill: (train: TrainHandle, replaceWorkers: () => Promise<unknown>) => Promise<Result>,
): Promise<{ account: Account; result: Result }> {
  const places = await Promise.all([startPlace(), startPlace()]);
  const [first, second] = places;
  const name = uniqueService();
  second.production.fail(GREEN, 0.5);
  const stages = [
    { name: 'one', deployments: [first.deployment], pause: '1s' },
    { name: 'two', deployments: [second.deployment] },
  ];
  const train = await temporal.client().workflow.start<typeof blueGreenTrain>('blueGreenTrain', {
    workflowId: trainWorkflowId(name),
    taskQueue: first.deployment.taskQueue,
    args: [{ name, onRollback: 'roll-back-all', stages }],
  });
  try {
    const [result] = await Promise.all([
      kill(train, () => Promise.all(places.map(({ replaceWorker }) => replaceWorker()))),
      train.result().catch(() => {}),
    ]);
    let status: TrainStatus | undefined;
    await eventually(async () => {
      status = await train.query(messages.trainStatus).catch(() => undefined);
      return status !== undefined;
    }, 'the status of the train');
    if (!status) throw new Error('the train says nothing');
    const account = {
      phase: status.phase,
      states: deploymentsOf(status).map(({ state }) => state),
      effects: places.map(({ production }) => effectsOf(production.audit)),
      shares: places.map(({ production }) => production.share()),
    };
    return { account, result };
  } finally {
    await train.terminate('the test is over').catch(() => {});
    await Promise.all(places.map(({ close }) => close()));
  }
}

/** Each once: a command whose worker was lost is sent again, as the same operation. */
function effectsOf(audit: readonly { readonly command: string; readonly argument?: string }[]): string[] {
  return [
    ...new Set(audit.map(({ command, argument }) => (command === 'rollback' ? command : `${command} ${argument}`))),
  ];
}

async function difference(event: number): Promise<string | undefined> {
  try {
    const { account, result } = await run(async (train, replaceWorkers) => {
      const name = await appeared(train as never, event);
      if (name !== undefined) await replaceWorkers();
      return name;
    });
    expect({ killedAt: result, ...account }).toEqual({ killedAt: result, ...EXPECTED });
    return undefined;
  } catch (error) {
    return `killed at event ${event} of the train: ${String(error)}`;
  }
}

test(
  `all workers killed at ${everything ? 'every event' : `some events (${seeded})`} of a train: both services are rolled back, once`,
  async () => {
    const plain = await run(async (train) => {
      const seen: number[] = [];
      for await (const event of eventsOf(train as never)) seen.push(Number(event.eventId));
      return seen.slice(0, -1); // with the last one it is closed
    });
    expect(plain.account).toEqual(EXPECTED);
    const kills = sample(plain.result, IN_A_SAMPLE);
    const problems = await atOnce(kills, AT_ONCE, difference);
    expect(problems.filter((problem) => problem !== undefined)).toEqual([]);
    if (everything) process.stderr.write(`killed at each of ${kills.length} events\n`);
  },
  everything ? ALL_MS : SAMPLE_MS,
);
