import { afterAll, expect, test } from '@jest/globals';
import { freezeWorkflowId } from '../../src/domain/freeze.ts';
import { deploymentWorkflowId } from '../../src/domain/plan.ts';
import { queueWorkflowId } from '../../src/domain/queue.ts';
import type { blueGreenDeployment } from '../../src/workflows/blue-green.ts';
import * as messages from '../../src/workflows/messages.ts';
import type { blueGreenQueue } from '../../src/workflows/queue.ts';
import { eventually } from '../processes/support.ts';
import { startLittleProduction } from '../support/little-production.ts';
import { observe, start, uniqueQueue, uniqueService, useTemporal } from '../support/temporal.ts';
import { startWorkerProcess } from '../support/worker-process.ts';

/** Invariant 11 for what waits: a worker that is killed while a freeze holds a deployment, and while another one is queued. */

const temporal = useTemporal();
const cleanUps: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
});

test('workers that are killed change nothing for what is held and for what is queued', async () => {
  const [service, environment, taskQueue] = [uniqueService(), uniqueService(), uniqueQueue()];
  const production = await startLittleProduction(service, {
    environment,
    checklist: [],
    traffic: [
      { percentage: 50, soak: '1s', approval: {} },
      { percentage: 100, soak: '1s' },
    ],
  });
  cleanUps.push(() => production.stop());
  let worker = startWorkerProcess(taskQueue, production.env);
  cleanUps.push(() => worker.kill('SIGKILL'));
  const replaceWorker = async (): Promise<void> => {
    await worker.kill('SIGKILL');
    worker = startWorkerProcess(taskQueue, production.env);
  };
  const { workflow } = temporal.client();

  await start(temporal.client(), taskQueue, { service, environment, version: '2.5.0' });
  const workflowId = deploymentWorkflowId(service, environment);
  const deployment = observe(workflow.getHandle<typeof blueGreenDeployment>(workflowId), 120_000);
  await deployment.untilPhase('awaiting-approval');
  const freeze = await workflow.start('blueGreenFreeze', {
    taskQueue,
    workflowId: freezeWorkflowId({ environment, service }),
    args: [{ environment, service, by: 'eve', reason: 'incident 4711' }],
  });
  await workflow.signalWithStart<typeof blueGreenQueue, [messages.Enqueue]>('blueGreenQueue', {
    taskQueue,
    workflowId: queueWorkflowId({ service, environment }),
    signal: messages.enqueue,
    signalArgs: [{ id: 'next', request: { service, environment, version: '2.4.0' } }],
  });
  await deployment.handle.signal(messages.approve, { by: 'ana' });
  await deployment.untilPhase('held');

  await replaceWorker();
  // The new worker watches on, from its own readings.
  const readBefore = production.asked('metrics');
  await eventually(async () => (production.asked('metrics') > readBefore + 2 ? true : undefined));
  expect((await deployment.status()).phase).toBe('held');
  expect(production.share()).toBe(0.5);
  await freeze.signal(messages.thaw, { by: 'eve' });
  await replaceWorker();
  const first = workflow.getHandle<typeof blueGreenDeployment>(workflowId, (await deployment.handle.describe()).runId);
  expect((await first.result()).outcome).toBe('completed');
  expect(production.audit.filter(({ command }) => command === 'shift').map(({ argument }) => argument)).toEqual([
    '50',
    '100',
  ]);

  await eventually(async () => ((await deployment.status()).version === '2.4.0' ? true : undefined));
  await deployment.handle.terminate('the test is over');
});
