import { afterEach, expect, test } from '@jest/globals';
import type { WorkflowHandle } from '@temporalio/client';
import type { blueGreenRollback } from '../../src/workflows/blue-green-rollback.ts';
import { WITH_STOP } from '../support/little-production.ts';
import { type DeploymentHandle, observe, useTemporal } from '../support/temporal.ts';
import { eventually, replaceWorker, type Scene, startScene } from './support/scene.ts';

/** Invariants 7 and 11 for a rollback of its own: workers that are killed at any moment change nothing about its outcome. */

const temporal = useTemporal();

const scenes: Scene[] = [];
afterEach(() => Promise.all(scenes.splice(0).map((scene) => scene.close())));

test('a rollback after a termination survives the loss of its worker while it resolves, restores, proves and guards', async () => {
  const scene = await startScene({
    client: temporal.client(),
    changes: {
      checklist: [],
      workload: WITH_STOP,
      traffic: [
        { percentage: 50, soak: '1s', approval: {} },
        { percentage: 100, soak: '1s' },
      ],
      recovery: { guard: '15s' },
    },
  });
  scenes.push(scene);
  const { production, handle: deployment } = scene;
  const { runId } = await scene.untilPhase('awaiting-approval').then(() => deployment.describe());
  await deployment.terminate('by mistake');

  production.misbehave('health', 'hang', 1); // it resolves
  const { taskQueue } = await deployment.describe();
  const handle = await temporal.client().workflow.start<typeof blueGreenRollback>('blueGreenRollback', {
    taskQueue,
    workflowId: deployment.workflowId,
    args: [{ service: production.service, reason: 'terminated', run: runId }],
  });
  const rollback = observe(handle as WorkflowHandle as DeploymentHandle);
  await eventually(() => production.asked('health') > 1, 'the health check of blue');
  production.misbehave('rollback', 'hang', 1); // it restores
  await replaceWorker(scene);
  await eventually(() => production.asked('rollback') > 0, 'the rollback command');
  production.misbehave('metrics', 'hang', 1); // it proves
  await replaceWorker(scene);
  await rollback.until(({ rollback: now }) => now?.restored !== undefined);
  await replaceWorker(scene);
  await rollback.until(({ rollback: now }) => now?.recovered !== undefined);
  await replaceWorker(scene); // it guards

  const report = await handle.result();
  expect(report).toMatchObject({
    outcome: 'rolled-back',
    undoes: { run: runId, closed: 'terminated' },
    rollback: { round: 1, restored: { readBack: true } },
  });
  expect(report.rollback?.recovered?.accepted).toBeUndefined();
  expect(production.share()).toBe(0);
  expect(production.isStopped('2.5.0')).toBe(true);
  expect(production.isStopped('2.4.0')).toBe(false);
});
