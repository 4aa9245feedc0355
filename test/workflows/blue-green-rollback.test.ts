import { expect, test } from '@jest/globals';
import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { Activities } from '../../src/domain/activities.ts';
import { FAILURE } from '../../src/domain/errors.ts';
import { deploymentWorkflowId, keepBlueWorkflowId, type RollbackRequest } from '../../src/domain/plan.ts';
import type { blueGreenRollback } from '../../src/workflows/blue-green-rollback.ts';
import type { blueGreenKeepBlue } from '../../src/workflows/keep-blue.ts';
import * as messages from '../../src/workflows/messages.ts';
import {
  type DeploymentHandle,
  keepHistory,
  observe,
  rolledBack,
  uniqueService,
  useTemporal,
} from '../support/temporal.ts';
import { effects, untilCancelled, world } from '../support/world.ts';

/** The workflow of a rollback of its own, and the wait that retires blue, in a world that follows a script. */

const temporal = useTemporal();

/** Runs `body` on a rollback of its own, which is then asked and answered as a deployment is. */
async function rollingBack(
  activities: Activities,
  body: (rollback: ReturnType<typeof observe>) => Promise<void>,
  id: { readonly workflowId?: string; readonly request?: Partial<RollbackRequest> } = {},
): Promise<void> {
  await temporal.serve(activities, async (taskQueue) => {
    const service = uniqueService();
    const started = await temporal.client().workflow.start<typeof blueGreenRollback>('blueGreenRollback', {
      taskQueue,
      workflowId: id.workflowId ?? deploymentWorkflowId(service),
      args: [{ service, requestedBy: 'ana', reason: 'checkout fails', ...id.request }],
    });
    const handle = started as WorkflowHandle as DeploymentHandle;
    try {
      await body(observe(handle));
    } finally {
      await handle.terminate('the test is over').catch(() => {});
    }
  });
}

test('it restores, proves and guards as the rollback of a deployment does, and completes', async () => {
  const { activities, asked } = world();
  await rollingBack(activities, async ({ handle, status }) => {
    const report = await handle.result();
    expect(report).toMatchObject({
      outcome: 'rolled-back',
      version: '2.5.0',
      blue: '2.4.0',
      undoes: { run: 'the-run', closed: 'completed' },
      rollback: { cause: 'requested', round: 1 },
    });
    expect(effects(asked)).toEqual(['restore 1', 'verify', 'guard']);
    expect(await status()).toMatchObject({ kind: 'rollback', phase: 'rolled-back', greenPercentage: 0 });
    await keepHistory('requested-rollback', handle);
  });
});

test('invariant 7: a cancellation does not end it, a stall notifies, and retryRollback and acceptRecovery work', async () => {
  const notified: string[] = [];
  const { activities } = world({
    activities: {
      verifyRecovery: async () => {
        throw ApplicationFailure.nonRetryable('no fresh requests', FAILURE.NotInEffect);
      },
      notify: async ({ text }) => void notified.push(text),
    },
  });
  await rollingBack(activities, async ({ handle, untilPhase }) => {
    await untilPhase('rollback-stalled');
    await handle.cancel();
    await handle.signal(messages.retryRollback, { by: 'ana' });
    await expect(
      handle.executeUpdate(messages.decide, { args: [{ action: 'abort', by: 'ana' }] }),
    ).rejects.toMatchObject({ cause: { message: expect.stringContaining('it cannot be stopped') } });
    await handle.executeUpdate(messages.decide, {
      args: [{ action: 'acceptRecovery', by: 'ana', reason: 'blue answers' }],
    });
    const { outcome, rollback } = await handle.result();
    expect(outcome).toBe('rolled-back');
    expect(rollback?.acceptance).toMatchObject({ by: 'ana' });
    expect((await handle.describe()).status.name).toBe('COMPLETED');
    expect(notified.join('\n')).toMatch(/Rolling back [^\n]* 2\.5\.0 in production: Requested by ana: checkout fails/);
    expect(notified.join('\n')).toContain('has stalled (round 1)');
    await keepHistory('requested-rollback-stalled', handle);
  });
});

test('before it has begun, an abort ends it, and nothing was changed', async () => {
  const { activities, asked } = world({ activities: { resolveRollback: untilCancelled } });
  await rollingBack(activities, async ({ handle }) => {
    await handle.signal(messages.abort, { by: 'ben', reason: 'wrong service' });
    const { message, report } = await rolledBack(handle);
    expect(message).toBe('Aborted by ben: wrong service. Nothing was changed.');
    expect(report.outcome).toBe('refused');
    expect(effects(asked)).toEqual([]);
  });
});

test('invariant 13: under another id it is refused, since it and a deployment exclude each other', async () => {
  const { activities, asked } = world();
  await rollingBack(
    activities,
    async ({ handle }) => {
      expect((await rolledBack(handle)).message).toContain('start it with the id "blue-green/production/');
      expect(effects(asked)).toEqual([]);
    },
    { workflowId: `rollback-of-${uniqueService()}` },
  );
});

test('the blue of a completed deployment is retired when its time is over, and not before', async () => {
  const { activities, asked } = world({
    plan: (plan) => ({ ...plan, keepBlueMs: 1_500 }),
  });
  await temporal.deploy(activities, async ({ handle, status, untilPhase }) => {
    await untilPhase('awaiting-approval');
    await handle.signal(messages.approve, { by: 'ana' });
    await handle.result();
    const { service, environment, blueKeptUntil = 0 } = await status();
    await keepHistory('completed-blue-kept', handle);
    const keeper = temporal
      .client()
      .workflow.getHandle<typeof blueGreenKeepBlue>(keepBlueWorkflowId(service, environment));
    const { retiredAt = 0 } = await keeper.result();
    expect(retiredAt).toBeGreaterThanOrEqual(blueKeptUntil);
    expect(asked.filter((one) => one === 'retire')).toHaveLength(1);
    await keepHistory('keep-blue-retired', keeper as WorkflowHandle as DeploymentHandle);
  });
});

test('blue that could not be retired is left running, and people are notified', async () => {
  const notified: string[] = [];
  const { activities } = world({
    plan: (plan) => ({ ...plan, traffic: [{ percentage: 100, soakMs: 100 }], keepBlueMs: 100 }),
    activities: {
      retireBlue: async () => {
        throw ApplicationFailure.nonRetryable('stop: exit code 3', FAILURE.CommandFailed);
      },
      notify: async ({ text }) => void notified.push(text),
    },
  });
  await temporal.deploy(activities, async ({ handle, status }) => {
    await handle.result();
    const { service, environment } = await status();
    const keeper = temporal.client().workflow.getHandle(keepBlueWorkflowId(service, environment));
    await expect(keeper.result()).rejects.toThrow();
    expect(notified).toContainEqual(expect.stringContaining('could not be retired: stop: exit code 3'));
  });
});
