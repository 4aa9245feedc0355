import { afterEach, expect, test } from '@jest/globals';
import type { WorkflowHandle } from '@temporalio/client';
import { FAILURE } from '../../src/domain/errors.ts';
import { deploymentWorkflowId, keepBlueWorkflowId, type RollbackRequest } from '../../src/domain/plan.ts';
import type { blueGreenRollback } from '../../src/workflows/blue-green-rollback.ts';
import type { blueGreenKeepBlue } from '../../src/workflows/keep-blue.ts';
import { eventually } from '../processes/support.ts';
import { type LittleProduction, startLittleProduction, WITH_STOP } from '../support/little-production.ts';
import {
  type DeploymentHandle,
  keepHistory,
  observe,
  rolledBack,
  start,
  type TestDeployment,
  uniqueQueue,
  uniqueService,
  useTemporal,
} from '../support/temporal.ts';
import { startWorkerProcess } from '../support/worker-process.ts';

/** A rollback of its own, after the deployment has ended: real commands, real histories, a real worker. */

const temporal = useTemporal();

interface Scene {
  readonly production: LittleProduction;
  /** Starts the deployment of 2.5.0, which waits for nobody. */
  deploy(request?: { readonly checklistOnly?: true; readonly version?: string }): Promise<TestDeployment>;
  /** Starts a rollback without naming a run. */
  rollback(request?: Partial<RollbackRequest>): Promise<WorkflowHandle<typeof blueGreenRollback>>;
  keeper(): WorkflowHandle<typeof blueGreenKeepBlue>;
}

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function startScene(changes: Record<string, unknown> = {}): Promise<Scene> {
  const service = uniqueService();
  const taskQueue = uniqueQueue();
  const production = await startLittleProduction(service, {
    checklist: [],
    traffic: [{ percentage: 100, soak: '1s' }],
    recovery: { guard: '1s' },
    workload: WITH_STOP,
    ...changes,
  });
  closing.push(production.stop);
  const worker = startWorkerProcess(taskQueue, production.env);
  closing.push(() => worker.kill('SIGKILL'));
  const client = temporal.client();
  const ending = (handle: { terminate(reason: string): Promise<unknown> }) =>
    closing.push(async () => {
      await handle.terminate('the test is over').catch(() => {});
    });
  return {
    production,
    deploy: async (request) => {
      const handle = await start(client, taskQueue, { service, version: '2.5.0', ...request });
      ending(handle);
      return observe(handle);
    },
    rollback: async (request) => {
      const handle = await client.workflow.start<typeof blueGreenRollback>('blueGreenRollback', {
        taskQueue,
        workflowId: deploymentWorkflowId(service),
        args: [{ service, requestedBy: 'ana', reason: 'checkout fails', ...request }],
      });
      ending(handle);
      return handle;
    },
    keeper: () => client.workflow.getHandle<typeof blueGreenKeepBlue>(keepBlueWorkflowId(service, 'production')),
  };
}

async function refused(handle: WorkflowHandle<typeof blueGreenRollback>): Promise<string> {
  const { type, message, report } = await rolledBack(handle as unknown as DeploymentHandle);
  expect({ type, outcome: report.outcome }).toEqual({ type: FAILURE.InvalidRequest, outcome: 'refused' });
  return message;
}

test('after a completed deployment, going back is one shift to the blue that was kept; a second time it is refused', async () => {
  const { production, deploy, rollback, keeper } = await startScene({ keepBlue: '1h' });
  const deployment = await deploy();
  const { runId } = await deployment.handle.describe();
  const deployed = await deployment.handle.result();
  const until = (await deployment.status()).blueKeptUntil ?? 0;
  expect(until - Date.now()).toBeGreaterThan(3_500_000);
  expect(deployed.summary).toContain('2.4.0 is kept until');
  expect(production.share()).toBe(1);
  expect((await keeper().describe()).status.name).toBe('RUNNING');

  const going = await rollback();
  const report = await going.result();
  expect(report).toMatchObject({
    outcome: 'rolled-back',
    version: '2.5.0',
    blue: '2.4.0',
    undoes: { run: runId, closed: 'completed' },
    rollback: { cause: 'requested', withinTarget: true, recovered: { requests: expect.any(Number) } },
  });
  expect(report.summary).toMatch(
    /2\.5\.0 was rolled back to 2\.4\.0: Requested by ana: checkout fails\. Recovery took [\d.]+ s/,
  );
  expect(production.share()).toBe(0);
  expect(production.audit.map(({ command, argument }) => `${command} ${argument}`).slice(-2)).toEqual([
    `rollback ${report.service}`,
    'stop 2.5.0',
  ]);
  expect(production.isStopped('2.4.0')).toBe(false);
  const { status, searchAttributes } = await going.describe();
  expect(status.name).toBe('COMPLETED');
  expect(searchAttributes).toMatchObject({ BlueGreenVersion: ['2.4.0'], BlueGreenPhase: ['rolled-back'] });
  expect((await keeper().describe()).status.name).toBe('CANCELLED');
  await keepHistory('rollback-after-completed', going as unknown as DeploymentHandle);

  const again = await eventually(async () => {
    const message = await refused(await rollback());
    return message.includes('already') ? message : undefined;
  });
  expect(again).toContain('was rolled back from 2.5.0 to 2.4.0 already');
  expect(again).toContain('bluegreen start');
});
