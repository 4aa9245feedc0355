import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import type { WorkflowHandle } from '@temporalio/client';
import { awaitFree } from '../../src/activities/await-free.ts';
import type { Activities, QueueActivities } from '../../src/domain/activities.ts';
import { deploymentWorkflowId } from '../../src/domain/plan.ts';
import { type QueuedStart, queueWorkflowId } from '../../src/domain/queue.ts';
import { runningWorkflow } from '../../src/temporal/running.ts';
import type { blueGreenDeployment } from '../../src/workflows/blue-green.ts';
import * as messages from '../../src/workflows/messages.ts';
import type { blueGreenQueue } from '../../src/workflows/queue.ts';
import { eventually } from '../processes/support.ts';
import { observe, start, uniqueService, useTemporal } from '../support/temporal.ts';
import { world } from '../support/world.ts';

const temporal = useTemporal();

/** A service with a queue on a real server, and what a person does with it. */
function queueOf(service: string, taskQueue: string) {
  const workflowId = queueWorkflowId({ service });
  const asked = () => ({ connection: temporal.client().connection, namespace: 'default' });
  return {
    workflowId,
    add: (version: string, how: Partial<messages.Enqueue> = {}): Promise<WorkflowHandle> =>
      temporal.client().workflow.signalWithStart<typeof blueGreenQueue, [messages.Enqueue]>('blueGreenQueue', {
        workflowId,
        taskQueue,
        signal: messages.enqueue,
        signalArgs: [{ id: version, request: { service, version }, ...how }],
      }),
    versions: async (): Promise<string[]> => {
      const queue = (await runningWorkflow(asked(), workflowId))?.memo('queue') as QueuedStart[] | undefined;
      return queue?.map(({ request }) => request.version) ?? [];
    },
    hasEnded: async () => ((await runningWorkflow(asked(), workflowId)) ? undefined : true),
    remove: (id: string) =>
      temporal
        .client()
        .workflow.getHandle(workflowId)
        .executeUpdate(messages.removeQueued, { args: [{ id }] }),
  };
}

function withQueue(activities: Activities): Activities & QueueActivities {
  const { connection } = temporal.client();
  const isRunning = async (workflowId: string) =>
    (await runningWorkflow({ connection, namespace: 'default' }, workflowId)) !== undefined;
  return { ...activities, awaitFree: awaitFree({ isRunning, askAgainMs: 100 }) };
}

const deploymentOf = (service: string) =>
  observe(temporal.client().workflow.getHandle<typeof blueGreenDeployment>(deploymentWorkflowId(service)));
const only = <Value>(wanted: Value, found: Value) =>
  JSON.stringify(found) === JSON.stringify(wanted) ? true : undefined;

test('starts one after the other, in order, also after one that was rolled back, and ends when it is empty', async () => {
  const service = uniqueService();
  const { activities } = world();
  await temporal.serve(withQueue(activities), async (taskQueue) => {
    const queue = queueOf(service, taskQueue);
    const first = await start(temporal.client(), taskQueue, { service, version: '2.5.0' });
    await deploymentOf(service).untilPhase('awaiting-approval');
    await queue.add('2.6.0');
    await queue.add('2.7.0');
    await queue.add('2.7.0'); // the same id counts once
    await eventually(async () => only(['2.6.0', '2.7.0'], await queue.versions()));

    await first.signal(messages.reject, { by: 'ana', reason: 'no' });
    await first.result().catch(() => undefined);
    const second = deploymentOf(service);
    await eventually(async () => ((await second.status()).version === '2.6.0' ? true : undefined));
    expect(await queue.versions()).toEqual(['2.7.0']);
    await second.untilPhase('awaiting-approval');
    await second.handle.signal(messages.approve, { by: 'ana' });
    await eventually(async () => ((await second.status()).version === '2.7.0' ? true : undefined));
    await eventually(queue.hasEnded);
    await second.untilPhase('awaiting-approval'); // it goes on without the queue
    await second.handle.terminate();
  });
});

test('waits for its time without holding the lock; one that is due goes first; removed and replaced ones never start', async () => {
  const service = uniqueService();
  const { activities } = world();
  await temporal.serve(withQueue(activities), async (taskQueue) => {
    const queue = queueOf(service, taskQueue);
    const hour = Date.now() + 3_600_000;
    await queue.add('3.0.0', { at: hour });
    await queue.add('2.9.0', { at: hour - 1_000 });
    await eventually(async () => only(['2.9.0', '3.0.0'], await queue.versions()));
    expect(await queue.remove('2.9.0')).toMatchObject({ request: { version: '2.9.0' } });
    await expect(queue.remove('2.9.0')).rejects.toMatchObject({
      cause: { message: expect.stringContaining('there is no "2.9.0" in the queue') },
    });

    // The lock is free until then.
    const running = await start(temporal.client(), taskQueue, { service, version: '2.5.0' });
    await deploymentOf(service).untilPhase('awaiting-approval');
    const soon = Date.now() + 1_500;
    await queue.add('2.6.0', { at: soon, replaceQueued: true });
    await eventually(async () => only(['2.6.0'], await queue.versions()));
    await running.terminate();
    const due = deploymentOf(service);
    await eventually(async () => ((await due.status()).version === '2.6.0' ? true : undefined));
    expect((await due.status()).startedAt).toBeGreaterThanOrEqual(soon);
    await eventually(queue.hasEnded);
    await due.handle.terminate();
  });
});

test('does not mind nonsense, nor requests for another service', async () => {
  const service = uniqueService();
  await temporal.serve(withQueue(world().activities), async (taskQueue) => {
    const queue = queueOf(service, taskQueue);
    await queue.add('3.0.0', { at: Date.now() + 3_600_000 });
    for (const sent of [null, 7, {}, { id: randomUUID(), request: { service: uniqueService(), version: '1' } }])
      await temporal.client().workflow.getHandle(queue.workflowId).signal('enqueue', sent);
    await queue.add('3.1.0', { at: Date.now() + 3_700_000 });
    await eventually(async () => only(['3.0.0', '3.1.0'], await queue.versions()));
    await queue.remove('3.0.0');
    await queue.remove('3.1.0');
    await eventually(queue.hasEnded);
  });
});

/** Temporal suggests to continue as new at 4,096 events. */
const LONG_HISTORY = 4_096;

test('keeps what is queued when its history has become long', async () => {
  const service = uniqueService();
  await temporal.serve(withQueue(world().activities), async (taskQueue) => {
    const queue = queueOf(service, taskQueue);
    const asked = { connection: temporal.client().connection, namespace: 'default' };
    await queue.add('3.0.0', { at: Date.now() + 3_600_000 });
    const first = await runningWorkflow(asked, queue.workflowId);
    await queue.add('3.1.0', { at: Date.now() + 3_700_000 });
    const handle = temporal.client().workflow.getHandle(queue.workflowId);
    for (let sent = 0; sent < LONG_HISTORY; sent += 256)
      await Promise.all(Array.from({ length: 256 }, () => handle.signal('enqueue', {})));
    const isAnother = (run?: { readonly runId: string }) => run !== undefined && run.runId !== first?.runId;
    await eventually(async () => (isAnother(await runningWorkflow(asked, queue.workflowId)) ? true : undefined));
    expect(await queue.versions()).toEqual(['3.0.0', '3.1.0']);
    expect(await queue.remove('3.0.0')).toMatchObject({ request: { version: '3.0.0' } });
    await queue.remove('3.1.0');
    await eventually(queue.hasEnded);
  });
});
