import { expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import type { Activities } from '../../src/domain/activities.ts';
import type { WatchInput, WindowResult } from '../../src/domain/activity-results.ts';
import type { DeploymentPlan } from '../../src/domain/plan.ts';
import * as messages from '../../src/workflows/messages.ts';
import { keepHistory, rolledBack, useTemporal } from '../support/temporal.ts';
import { effects, healthyWindow, untilCancelled, type World, world } from '../support/world.ts';

/** Nobody watches for longer than `watch.maxUnwatched`: the metrics of that time are read before anything is rolled back. */

const temporal = useTemporal();
const ROLLBACK = ['restore 1', 'verify', 'guard'];

const impatient = (plan: DeploymentPlan): DeploymentPlan => ({
  ...plan,
  watch: { ...plan.watch, gateWindowMs: 200, maxUnwatchedMs: 500 },
});

/** The windows with these numbers, from 1, are lost; the one after each of them finds `found`. The second is the first at the gate. */
function watched(
  lost: readonly number[],
  found: Partial<WindowResult> = {},
): World & { readonly inputs: WatchInput[] } {
  const inputs: WatchInput[] = [];
  const watchWindow = async (input: WatchInput): Promise<WindowResult> => {
    inputs.push(input);
    const number = inputs.length;
    if (lost.includes(number)) return untilCancelled();
    const window = await healthyWindow(input);
    const cursor = { at: number };
    return {
      ...window,
      watchState: { ...window.watchState, cursor },
      ...(lost.includes(number - 1) && found),
    };
  };
  return { inputs, ...world({ plan: impatient, activities: { watchWindow } }) };
}

test('the metrics of that time are healthy: it goes on, and people are notified', async () => {
  const { activities, asked, inputs } = watched([2]);
  const texts: string[] = [];
  const notify: Activities['notify'] = async ({ text }) => {
    texts.push(text);
  };
  await temporal.deploy({ ...activities, notify }, async ({ handle, until }) => {
    const { steps } = await until(({ steps: [step] }) => (step?.windows.length ?? 0) > 2);
    expect(steps[0]?.windows[1]).toMatchObject({
      verdict: 'inconclusive',
      reason: 'no worker was there when the window closed',
    });
    expect(inputs[2]?.watchState).toEqual(inputs[1]?.watchState);
    await handle.signal(messages.approve, { by: 'ana' });
    expect((await handle.result()).outcome).toBe('completed');
    expect(effects(asked)).toEqual(['deploy', 'shift 50', 'shift 100']);
    expect(texts).toContainEqual(
      expect.stringMatching(
        /2\.5\.0 in production had 50 % of the traffic for \d+ s in which no worker watched it\. .* now: healthy, all well\.$/,
      ),
    );
    await keepHistory('completed-unwatched', handle);
  });
});

test('they show a breach: it is rolled back for the breach', async () => {
  const { activities, asked } = watched([2], { verdict: 'breached', reason: '40 % of 900 requests failed' });
  await temporal.deploy(activities, async ({ handle }) => {
    const { message, report } = await rolledBack(handle);
    expect(message).toContain('40 % of 900 requests failed');
    expect(report.rollback?.cause).toBe('breach');
    expect(effects(asked)).toEqual(['deploy', 'shift 50', ...ROLLBACK]);
    await keepHistory('breach-while-unwatched', handle);
  });
});

const unread: Partial<WindowResult> = {
  verdict: 'inconclusive',
  reason: 'the metrics are away',
  watchState: { cursor: { at: 1 }, judge: null, soakStartedAt: 0 },
};

test.each<[string, string, Parameters<typeof watched>, RegExp]>([
  ['they cannot be read', 'evidence-unread', [[2], unread], /^Nobody could watch for .*: the metrics are away/],
  [
    'nobody reads them either',
    'evidence-lost',
    [[2, 3]],
    /^Nobody could watch for .*: the metrics did not answer, or its worker was lost/,
  ],
])('%s: it is rolled back, because the evidence is lost', async (_, name, script, reason) => {
  const { activities, asked } = watched(...script);
  await temporal.deploy(activities, async ({ handle }) => {
    const { report } = await rolledBack(handle);
    expect(report.rollback).toMatchObject({ cause: 'evidence-lost', reason: expect.stringMatching(reason) });
    expect(effects(asked)).toEqual(['deploy', 'shift 50', ...ROLLBACK]);
    await keepHistory(name, handle);
  });
});

test('a worker that is back, and cannot watch, has hardly longer than maxUnwatched to read what was missed', async () => {
  const longer = (plan: DeploymentPlan): DeploymentPlan => ({
    ...plan,
    watch: { ...plan.watch, maxUnwatchedMs: 600_000 },
  });
  // The next attempt would be too late: Temporal gives up at once.
  const watchWindow = async (): Promise<never> => {
    throw ApplicationFailure.create({ message: 'the runbook is not on this worker', nextRetryDelay: '2 h' });
  };
  const { activities } = world({ plan: longer, activities: { watchWindow } });
  await temporal.deploy(activities, async ({ handle }) => {
    const { report } = await rolledBack(handle);
    expect(report.rollback).toMatchObject({
      cause: 'evidence-lost',
      reason: expect.stringContaining('not on this worker'),
    });
    const { events } = await handle.fetchHistory();
    const bounds = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) =>
      scheduled?.activityType?.name === 'watchWindow' ? [Number(scheduled.scheduleToCloseTimeout?.seconds)] : [],
    );
    expect(bounds).toHaveLength(2);
    expect(bounds[1]).toBeLessThanOrEqual(630);
  });
});

/** As a worker ends a window after attempts that failed for a while. */
function cannotWatch(): never {
  throw ApplicationFailure.nonRetryable('the state cannot be read', 'CannotWatch');
}

test('workers that cannot watch: people are notified before anything is rolled back, and it goes on when one can', async () => {
  let isAble = false;
  const texts: string[] = [];
  const { activities, asked } = world({
    plan: (plan) => ({ ...plan, watch: { ...plan.watch, maxUnwatchedMs: 20_000 } }),
    activities: {
      notify: async ({ text }) => void texts.push(text),
      watchWindow: async (input) => {
        if (!isAble) cannotWatch();
        const window = await healthyWindow(input);
        return { ...window, watchState: { ...window.watchState, cursor: { at: Date.now() } } };
      },
    },
  });
  await temporal.deploy(activities, async ({ handle, until }) => {
    const { waitingFor } = await until((status) => status.steps[0]?.unwatched !== undefined);
    expect(waitingFor).toEqual({
      what: 'a worker that can watch green, since every attempt fails: the state cannot be read',
      since: expect.any(Number),
      until: expect.any(Number),
      unblockedBy:
        'fixing what fails: the watch then goes on by itself; abort rolls back; if it still fails then, it is rolled back',
    });
    isAble = true;
    const { steps, waitingFor: gate } = await until(({ phase }) => phase === 'awaiting-approval');
    expect(steps[0]?.unwatched).toBeUndefined();
    expect(gate?.what).toContain('approval');
    await handle.signal(messages.approve, { by: 'ana' });
    expect((await handle.result()).outcome).toBe('completed');
    expect(effects(asked)).toEqual(['deploy', 'shift 50', 'shift 100']);
    expect(texts.filter((text) => /watch(ed)? it/.test(text))).toEqual([
      expect.stringMatching(
        /2\.5\.0 in production has 50 % of the traffic and nobody can watch it: the state cannot be read\. Workers go on trying until .*rolled back then; abort does it now\.$/,
      ),
      expect.stringMatching(/ in which no worker watched it\. .* now: healthy, all well\.$/),
    ]);
    await keepHistory('completed-after-failed-watch', handle);
  });
});

test('workers that cannot watch for maxUnwatched: it is rolled back, because the evidence is lost', async () => {
  const { activities, asked } = world({ plan: impatient, activities: { watchWindow: async () => cannotWatch() } });
  await temporal.deploy(activities, async ({ handle }) => {
    const { report } = await rolledBack(handle);
    expect(report.rollback).toMatchObject({
      cause: 'evidence-lost',
      reason: expect.stringMatching(/^Nobody could watch for .*: the state cannot be read$/),
    });
    expect(effects(asked)).toEqual(['deploy', 'shift 50', ...ROLLBACK]);
  });
});
