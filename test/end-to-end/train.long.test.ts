import { expect, test } from '@jest/globals';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { WITHOUT_CHECKLIST } from '../../src/demo/index.ts';
import { deploymentWorkflowId } from '../../src/domain/plan.ts';
import { deploymentsOf, type TrainStatus, trainWorkflowId } from '../../src/domain/train.ts';
import type { SandboxOptions } from '../../src/sandbox/index.ts';
import type { blueGreenDeployment } from '../../src/workflows/blue-green.ts';
import * as messages from '../../src/workflows/messages.ts';
import type { blueGreenTrain } from '../../src/workflows/train.ts';
import { type SandboxScene, useSandbox } from '../support/sandbox.ts';
import { observe, useTemporal } from '../support/temporal.ts';

/** Two services, each in a sandbox with its own database, router and load: a release that fails in one takes both back. */

const temporal = useTemporal();
/** Not production: other tests deploy there at the same time, and the workflow id is a lock. */
const environment = 'train';
const SMALL: SandboxOptions = { withoutPitfalls: true, staging: false, monitoring: false };

function sceneOf(service: string): SandboxScene {
  const changes = [...WITHOUT_CHECKLIST, [['service'], service], [['environment'], environment]] as const;
  return useSandbox({ pace: 'short', automaticRemedies: true, changes }, { ...SMALL, service });
}
const recommendation = sceneOf('recommendation');
const catalog = sceneOf('catalog');

async function trafficOf({ sandbox }: SandboxScene): Promise<unknown> {
  const response = await fetch(`${sandbox().controlUrl}/status`);
  return ((await response.json()) as { traffic: unknown }).traffic;
}

/** Approves when its soak at 50 % is proven. @returns the traffic then */
async function approve(service: string, scene: SandboxScene): Promise<unknown> {
  const workflowId = deploymentWorkflowId(service, environment);
  const deployment = observe(temporal.client().workflow.getHandle<typeof blueGreenDeployment>(workflowId));
  await deployment.untilPhase('awaiting-approval');
  const traffic = await trafficOf(scene);
  await deployment.handle.signal(messages.approve, { by: 'ana' });
  return traffic;
}

test('a bad release of the second service rolls back both, the first one after it was complete', async () => {
  await catalog.sandbox().inject({ name: 'bad-release' });
  const name = 'spring';
  const deployment = (service: string, { taskQueue }: SandboxScene) => ({
    service,
    version: '2.5.0',
    environment,
    taskQueue,
  });
  const train = await temporal.client().workflow.start<typeof blueGreenTrain>('blueGreenTrain', {
    workflowId: trainWorkflowId(name),
    taskQueue: recommendation.taskQueue,
    args: [
      {
        name,
        onRollback: 'roll-back-all',
        stages: [
          { name: 'first', deployments: [deployment('recommendation', recommendation)] },
          { name: 'second', deployments: [deployment('catalog', catalog)] },
        ],
      },
    ],
  });
  try {
    expect(await approve('recommendation', recommendation)).toEqual({ '2.4.0': 50, '2.5.0': 50 });
    const error = await train.result().catch((thrown: unknown) => thrown);
    if (!(error instanceof WorkflowFailedError) || !(error.cause instanceof ApplicationFailure)) throw error;
    const status = error.cause.details?.[0] as TrainStatus;
    expect(status).toMatchObject({ phase: 'rolled-back' });
    expect(deploymentsOf(status)).toMatchObject([
      { service: 'recommendation', state: 'rolled-back', rollbackRunId: expect.any(String) },
      { service: 'catalog', state: 'rolled-back', outcome: expect.stringContaining('was rolled back to 2.4.0') },
    ]);
    expect(await trafficOf(recommendation)).toEqual({ '2.4.0': 100 });
    expect(await trafficOf(catalog)).toEqual({ '2.4.0': 100 });
  } finally {
    await train.terminate('the test is over').catch(() => {});
  }
});
