import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import type { ApplicationFailure, ChildWorkflowFailure } from '@temporalio/common';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import type { Activities } from '../../src/domain/activities.ts';
import { deploymentWorkflowId } from '../../src/domain/plan.ts';
import type { blueGreenDeployment } from '../../src/workflows/blue-green.ts';
import * as messages from '../../src/workflows/messages.ts';
import { eventually } from '../processes/support.ts';
import { type LittleProduction, startLittleProduction } from '../support/little-production.ts';
import { observe, rolledBack, uniqueQueue, uniqueService, useTemporal } from '../support/temporal.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';
import { world } from '../support/world.ts';
import type { How } from './support/parent.ts';

const temporal = useTemporal();
const handleOf = (workflowId: string) => temporal.client().workflow.getHandle<typeof blueGreenDeployment>(workflowId);

async function failureOf(handle: WorkflowHandle): Promise<ApplicationFailure | ChildWorkflowFailure> {
  const error = await handle.result().catch((thrown: unknown) => thrown);
  if (!(error instanceof WorkflowFailedError)) throw new Error(`expected a failure, found ${String(error)}`);
  return error.cause as ApplicationFailure | ChildWorkflowFailure;
}

/** What a real Schedule starts when it is triggered: a workflow with the time appended to its id. */
async function triggered(workflowType: string, service: string, taskQueue: string): Promise<WorkflowHandle> {
  const schedule = await temporal.client().schedule.create({
    scheduleId: uniqueQueue(),
    spec: {},
    action: {
      type: 'startWorkflow',
      workflowType,
      workflowId: deploymentWorkflowId(service),
      taskQueue,
      args: [{ service, version: '2.5.0' }],
    },
  });
  // A busy server may lose a trigger. Another one, while what the first started runs, is skipped.
  const { workflow } = await eventually(async () => {
    await schedule.trigger();
    await delay(1_000);
    return (await schedule.describe()).info.recentActions[0]?.action;
  });
  await schedule.delete();
  expect(workflow.workflowId).toMatch(new RegExp(`^blue-green/production/${service}-\\d{4}-`));
  return temporal.client().workflow.getHandle(workflow.workflowId, workflow.firstExecutionRunId);
}

describe('a Temporal Schedule', () => {
  test('that starts the deployment itself is refused with the workflow that works', async () => {
    await temporal.serve(world().activities, async (taskQueue) => {
      const failure = await failureOf(await triggered('blueGreenDeployment', uniqueService(), taskQueue));
      expect(failure).toMatchObject({ type: 'InvalidRequest' });
      expect(failure.message).toContain('let it start the workflow "scheduledBlueGreenDeployment"');
    });
  });

  test('deploys under the lock, and closes as the deployment does', async () => {
    const service = uniqueService();
    await temporal.serve(world().activities, async (taskQueue) => {
      const scheduled = await triggered('scheduledBlueGreenDeployment', service, taskQueue);
      const deployment = observe(handleOf(deploymentWorkflowId(service)));
      await deployment.untilPhase('awaiting-approval');

      const other = await triggered('scheduledBlueGreenDeployment', service, taskQueue);
      expect((await failureOf(other)).message).toBe(
        `Not started: the deployment ${deploymentWorkflowId(service)} is already running; only one may run at a time.`,
      );
      await deployment.handle.signal(messages.approve, { by: 'ana' });
      expect(await scheduled.result()).toMatchObject({ outcome: 'completed', service });
    });
  });

  test('shows what the deployment says when it was rolled back', async () => {
    const service = uniqueService();
    await temporal.serve(world({ watch: () => ({ verdict: 'breached' }) }).activities, async (taskQueue) => {
      const scheduled = await triggered('scheduledBlueGreenDeployment', service, taskQueue);
      const failure = await failureOf(scheduled);
      const { type, message } = await rolledBack(handleOf(deploymentWorkflowId(service)));
      expect(type).toBe('DeploymentRolledBack');
      expect(failure).toMatchObject({ type, message });
    });
  });

  test('that is cancelled rolls back; that is terminated leaves the deployment running', async () => {
    const service = uniqueService();
    await temporal.serve(world().activities, async (taskQueue) => {
      const cancelled = await triggered('scheduledBlueGreenDeployment', service, taskQueue);
      const deployment = observe(handleOf(deploymentWorkflowId(service)));
      await deployment.untilPhase('awaiting-approval');
      await cancelled.cancel();
      await cancelled.result().catch(() => {});
      expect((await cancelled.describe()).status.name).toBe('CANCELLED');
      expect((await deployment.handle.describe()).status.name).toBe('CANCELLED');
      expect((await deployment.status()).phase).toBe('cancelled');

      const terminated = await triggered('scheduledBlueGreenDeployment', service, taskQueue);
      await eventually(async () => ((await deployment.handle.describe()).status.name === 'RUNNING' ? true : undefined));
      await deployment.untilPhase('awaiting-approval');
      await terminated.terminate('by somebody');
      await deployment.handle.signal(messages.approve, { by: 'ana' });
      expect((await deployment.handle.result()).outcome).toBe('completed');
    });
  });
});

describe('a parent workflow', () => {
  const service = uniqueService();
  const workflowId = deploymentWorkflowId(service);
  const taskQueue = uniqueQueue();
  const parents = uniqueQueue();
  let production: LittleProduction;
  let worker: WorkerProcess;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    production = await startLittleProduction(service);
    worker = startWorkerProcess(taskQueue, production.env);
    const workflowsPath = fileURLToPath(new URL('./support/parent.ts', import.meta.url));
    const workflowBundle = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') });
    ({ stop } = await temporal.startWorker({} as Activities, parents, { workflowBundle }));
  });
  afterAll(async () => {
    await stop();
    await worker.kill('SIGKILL');
    await production.stop();
  });

  const release = (how: Omit<How, 'taskQueue'>) =>
    temporal.client().workflow.start('release', {
      workflowId: uniqueQueue(),
      taskQueue: parents,
      args: [
        { service, version: '2.5.0' },
        { taskQueue, ...how },
      ],
    });

  test.each([undefined, 'TERMINATE' as const])(
    'whose end would terminate the deployment is refused, with the policies that work: %s',
    async (parentClosePolicy) => {
      const workflowType = 'blueGreenDeployment';
      const parent = await release({ workflowType, workflowId, ...(parentClosePolicy && { parentClosePolicy }) });
      expect((await failureOf(parent)).cause?.message).toContain(
        `a child of the workflow "${parent.workflowId}" with the parent close policy TERMINATE`,
      );
      expect(production.audit).toEqual([]);
    },
  );

  test.each<[Omit<How, 'taskQueue'>]>([
    [{ workflowType: 'blueGreenDeployment', workflowId, parentClosePolicy: 'ABANDON' }],
    [{ workflowType: 'blueGreenDeployment', workflowId, parentClosePolicy: 'REQUEST_CANCEL' }],
    [{ workflowType: 'scheduledBlueGreenDeployment' }],
  ])('deploys with %j', async (how) => {
    const parent = await release(how);
    const deployment = observe(handleOf(workflowId));
    await eventually(async () => ((await deployment.handle.describe()).status.name === 'RUNNING' ? true : undefined));
    await deployment.untilPhase('checking');
    await deployment.handle.signal(messages.abort, { by: 'ana' });
    expect((await failureOf(parent)).cause?.message).toContain('Aborted by ana');
  });
});
