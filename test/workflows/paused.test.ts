import { expect, test } from '@jest/globals';
import type { Activities } from '../../src/domain/activities.ts';
import type { DeploymentPlan } from '../../src/domain/plan.ts';
import * as messages from '../../src/workflows/messages.ts';
import { eventually } from '../chaos/support/scene.ts';
import { PATIENCE_MS } from '../support/patience.ts';
import { sentThen } from '../support/sent.ts';
import { type DeploymentHandle, keepHistory, rolledBack, useTemporal } from '../support/temporal.ts';
import { effects, healthyWindow, untilCancelled, world } from '../support/world.ts';

/** People can pause an activity and complete it by hand, in Temporal's UI. The server never ends a paused one. */

const temporal = useTemporal();
const ROLLBACK = ['restore 1', 'verify', 'guard'];

/** Bounds as short as they can be: what is paused waits for their end. */
const impatient = (plan: DeploymentPlan): DeploymentPlan => ({
  ...plan,
  watch: { ...plan.watch, maxUnwatchedMs: 1_000 },
  rollback: { ...plan.rollback, timeoutMs: 500, roundMs: 500 },
});

/** Like `act`, except for the first call, which lasts until it is paused. */
function pausable<Name extends keyof Activities>(act: Activities[Name]): Activities[Name] {
  let calls = 0;
  const first = (input: never) => {
    calls += 1;
    return calls === 1 ? untilCancelled() : (act as (input: never) => Promise<unknown>)(input);
  };
  return first as Activities[Name];
}

/** PendingActivityState of the API. */
const STARTED = 2;

/** The activity of this type that is under way. */
async function underWay(handle: DeploymentHandle, type: keyof Activities): Promise<string> {
  let id: string | undefined;
  await eventually(async () => {
    const { raw } = await handle.describe();
    const found = raw.pendingActivities?.find(
      ({ activityType, state }) => activityType?.name === type && Number(state) === STARTED,
    );
    id = found?.activityId ?? undefined;
    return id !== undefined;
  }, type);
  return id ?? '';
}

async function pause(handle: DeploymentHandle, type: keyof Activities): Promise<void> {
  const { workflowService, options } = handle.client;
  const execution = { workflowId: handle.workflowId };
  await workflowService.pauseActivity({ namespace: options.namespace, execution, id: await underWay(handle, type) });
}

async function completeByHand(handle: DeploymentHandle, type: keyof Activities, result: unknown): Promise<void> {
  const { workflowService, options } = handle.client;
  await workflowService.respondActivityTaskCompletedById({
    namespace: options.namespace,
    workflowId: handle.workflowId,
    activityId: await underWay(handle, type),
    result: {
      payloads: [{ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(result)) }],
    },
  });
}

test('a paused watch: another one reads what was missed, people are notified, and it goes on', async () => {
  const texts: string[] = [];
  let reading = 0;
  const watch: Activities['watchWindow'] = async (input) => {
    const window = await healthyWindow(input);
    reading += 1;
    return { ...window, watchState: { ...window.watchState, cursor: { at: reading } } };
  };
  const { activities, asked } = world({
    plan: impatient,
    activities: { watchWindow: pausable<'watchWindow'>(watch), notify: async ({ text }) => void texts.push(text) },
  });
  await temporal.deploy(activities, async ({ handle, until }) => {
    await pause(handle, 'watchWindow');
    const { steps } = await until(({ steps: [step] }) => (step?.windows.length ?? 0) > 1);
    expect(steps[0]?.windows[0]).toMatchObject({
      verdict: 'inconclusive',
      reason: 'nobody watched: it was paused, or its timeouts were changed, in Temporal',
    });
    await handle.signal(messages.approve, { by: 'ana' });
    expect((await handle.result()).outcome).toBe('completed');
    expect(effects(asked)).toEqual(['deploy', 'shift 50', 'shift 100']);
    expect(texts).toContainEqual(
      expect.stringMatching(/had 50 % of the traffic for \d+ s in which no worker watched it/),
    );
    await keepHistory('completed-watch-paused', handle);
  });
});

test('what the traffic depends on has a timer that ends it a little later than the server should', async () => {
  await temporal.deploy(world().activities, async ({ handle, untilPhase }) => {
    await untilPhase('awaiting-approval');
    await handle.signal(messages.approve, { by: 'ana' });
    await handle.result();
    const timers = sentThen(await handle.fetchHistory()).flatMap((sent) => (sent.what === 'timer' ? [sent] : []));
    // The server adds two minutes for a lost worker.
    for (const step of ['deploy 2.5.0 at 0 %', 'shift to 50 %', 'shift to 100 %'])
      expect(timers).toContainEqual({ what: 'timer', summary: `latest end: ${step}`, ms: PATIENCE_MS + 125_000 });
  });
});

test('a paused rollback: people are notified, and the next round moves the traffic', async () => {
  const texts: string[] = [];
  const restored: Activities['restoreTraffic'] = async () => ({
    startedAt: Date.now(),
    restoredAt: Date.now(),
    readBack: true,
    evidence: [],
  });
  const { activities, asked } = world({
    plan: impatient,
    watch: () => ({ verdict: 'breached', reason: '40 % failed' }),
    activities: {
      restoreTraffic: pausable<'restoreTraffic'>(restored),
      notify: async ({ text }) => void texts.push(text),
    },
  });
  await temporal.deploy(activities, async ({ handle }) => {
    await pause(handle, 'restoreTraffic');
    const { report } = await rolledBack(handle);
    expect(report.rollback?.round).toBe(2);
    expect(effects(asked)).toEqual(['deploy', 'shift 50', 'restore 1', 'restore 2', 'verify', 'guard']);
    expect(texts).toContainEqual(
      expect.stringMatching(/has stalled \(round 1\): restoreTraffic did not end in its time: it was paused, or/),
    );
    await keepHistory('rolled-back-rollback-paused', handle);
  });
});

test.each(['ok', null, {}, { verdict: 'healthy' }])(
  'a watch that somebody completes with %j is no evidence',
  async (result) => {
    const { activities, asked } = world({ activities: { watchWindow: () => untilCancelled() } });
    await temporal.deploy(activities, async ({ handle }) => {
      await completeByHand(handle, 'watchWindow', result);
      const { report } = await rolledBack(handle);
      expect(report.rollback).toMatchObject({
        cause: 'evidence-lost',
        reason: expect.stringContaining('watchWindow was completed by hand in Temporal'),
      });
      expect(effects(asked)).toEqual(['deploy', 'shift 50', ...ROLLBACK]);
      if (result === 'ok') await keepHistory('evidence-lost-by-hand', handle);
    });
  },
);

test.each(['restoreTraffic', 'verifyRecovery'] as const)(
  'a rollback in which somebody completes %s by hand is not believed',
  async (type) => {
    const original = world().activities;
    const { activities } = world({
      watch: () => ({ verdict: 'breached', reason: '40 % failed' }),
      activities: { [type]: pausable(original[type]) },
    });
    await temporal.deploy(activities, async ({ handle }) => {
      await completeByHand(handle, type, {});
      const { report } = await rolledBack(handle);
      expect(report.rollback?.round).toBe(2);
    });
  },
);
