import { describe, expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '../../src/domain/errors.ts';
import type { Freeze, FreezePlan } from '../../src/domain/freeze.ts';
import { dateMinute } from '../../src/format/index.ts';
import * as messages from '../../src/workflows/messages.ts';
import { replay } from '../support/replay.ts';
import { keepHistory, rolledBack, type TestDeployment, useTemporal } from '../support/temporal.ts';
import { effects, type Script, type World, world } from '../support/world.ts';

const temporal = useTemporal();

const CHRISTMAS: Freeze = { id: 'runbook/christmas', name: 'christmas', until: Date.UTC(2027, 0, 3) };
const STOPPED: Freeze = { id: 'run-1', name: 'production', by: 'eve', reason: 'the database is slow', since: 0 };

interface Scene extends World {
  freezes: Freeze[];
  /** Only shifts to this share of the traffic are frozen; without it the start is, too. */
  at: number | undefined;
  /** What people were notified of. */
  readonly notified: string[];
}

/** A world whose freezes come and go. */
function freezable(given: { readonly onFreeze?: Partial<FreezePlan>; readonly watch?: Script['watch'] } = {}): Scene {
  const state = { freezes: [] as Freeze[], at: undefined as number | undefined, notified: [] as string[] };
  const frozen = (overridden: readonly string[] = []) => state.freezes.filter(({ id }) => !overridden.includes(id));
  const now = () => (state.at === undefined ? state.freezes : []);
  const { asked, activities } = world({
    ...(given.watch && { watch: given.watch }),
    plan: (plan) => ({ ...plan, freeze: { now: now(), override: ['ana'], timeoutMs: 60_000, ...given.onFreeze } }),
    activities: {
      shiftTraffic: async ({ percentage, overriddenFreezes }) => {
        const freezes = percentage === (state.at ?? percentage) ? frozen(overriddenFreezes) : [];
        if (freezes.length > 0)
          throw ApplicationFailure.create({ type: FAILURE.Frozen, nonRetryable: true, details: [freezes] });
        return { shiftedAt: Date.now(), evidence: [] };
      },
      awaitThaw: async ({ known, overriddenFreezes }) => {
        const freezes = frozen(overriddenFreezes);
        if (freezes.map(({ id }) => id).join() !== known.join()) return freezes;
        throw ApplicationFailure.create({ type: FAILURE.Frozen, nextRetryDelay: 100 });
      },
      notify: async ({ event, text }) => void (event === 'held' && state.notified.push(text)),
    },
  });
  return Object.assign(state, { asked, activities });
}

const approve = async ({ handle, untilPhase }: TestDeployment) => {
  await untilPhase('awaiting-approval');
  await handle.signal(messages.approve, { by: 'bob' });
};

describe('a start in a freeze', () => {
  test('waits for its end, in sight, and goes on with a plan made anew', async () => {
    const scene = freezable();
    const until = Date.now() + 30_000;
    scene.freezes = [{ ...CHRISTMAS, until }];
    await temporal.deploy(scene.activities, async (deployment) => {
      const held = await deployment.untilPhase('held');
      expect(held.waitingFor).toMatchObject({
        what: `the end of the freeze "christmas", until ${dateMinute(until)}`,
        unblockedBy: 'time, overrideFreeze by ana, or abort',
      });
      expect(effects(scene.asked)).toEqual([]);
      scene.freezes = [STOPPED];
      await deployment.until(({ waitingFor }) => waitingFor?.what.includes('the freeze of production by eve') ?? false);
      scene.freezes = [];
      await approve(deployment);
      const { outcome, holds } = await deployment.handle.result();
      expect(outcome).toBe('completed');
      expect(holds).toMatchObject([{ from: held.held?.since, what: expect.stringContaining('production by eve') }]);
      expect(scene.notified).toEqual([expect.stringContaining('waits at 0 % for the end of the freeze "christmas"')]);
      const history = await deployment.handle.fetchHistory();
      const plans = history.events?.filter(
        (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'resolvePlan',
      );
      expect(plans).toHaveLength(2);
      await replay(history);
      await keepHistory('frozen-at-start', deployment.handle);
    });
  });

  test('is overridden by the request, by somebody on the list', async () => {
    const scene = freezable();
    scene.freezes = [CHRISTMAS];
    const request = { requestedBy: 'Ana', overrideFreeze: 'fixes the outage' };
    await temporal.deploy(
      scene.activities,
      async (deployment) => {
        await approve(deployment);
        const { decisions } = (await deployment.handle.result()) ?? {};
        expect(decisions?.[0]).toMatchObject({
          action: 'overrideFreeze',
          by: 'Ana',
          reason: 'fixes the outage',
          taken: true,
        });
        expect(scene.notified).toEqual([]);
      },
      request,
    );
  });

  test('ends with abort, and after the longest wait', async () => {
    const scene = freezable();
    scene.freezes = [CHRISTMAS];
    await temporal.deploy(scene.activities, async ({ handle, untilPhase }) => {
      await untilPhase('held');
      await handle.signal(messages.abort, { by: 'bob', reason: 'not today' });
      expect((await rolledBack(handle)).message).toBe('Aborted by bob: not today. Nothing was deployed.');
    });
    const impatient = freezable({ onFreeze: { timeoutMs: 300 } });
    impatient.freezes = [CHRISTMAS];
    await temporal.deploy(impatient.activities, async ({ handle }) => {
      const { message, report } = await rolledBack(handle);
      expect(message).toContain('It waited as long as the runbook allows (onFreeze.timeout) for the end of the freeze');
      expect(report.outcome).toBe('refused');
      expect(effects(impatient.asked)).toEqual([]);
    });
  });

  test('does not hold a checklist alone', async () => {
    const scene = freezable();
    scene.freezes = [CHRISTMAS];
    await temporal.deploy(
      scene.activities,
      async ({ handle }) => expect((await handle.result()).outcome).toBe('completed'),
      { checklistOnly: true },
    );
  });
});

describe('a freeze that begins during a deployment', () => {
  test('holds the next shift while the watch goes on, and lets it pass after a healthy window', async () => {
    const scene = freezable();
    scene.at = 100;
    scene.freezes = [STOPPED];
    await temporal.deploy(scene.activities, async (deployment) => {
      await approve(deployment);
      const held = await deployment.untilPhase('held');
      expect(held).toMatchObject({ greenPercentage: 50, held: { freezes: [STOPPED] } });
      expect(held.waitingFor).toMatchObject({
        what: 'the end of the freeze of production by eve since 1970-01-01 00:00 UTC: the database is slow',
        unblockedBy: 'thaw, overrideFreeze by ana, or abort; if it is still held then, it is rolled back',
      });
      const watched = scene.asked.filter((one) => one === 'watch').length;
      await replay(await deployment.handle.fetchHistory());
      await keepHistory('open-held', deployment.handle);
      scene.freezes = [];
      expect((await deployment.handle.result()).outcome).toBe('completed');
      expect(scene.asked.filter((one) => one === 'watch').length).toBeGreaterThan(watched);
      expect(effects(scene.asked)).toEqual(['deploy', 'shift 50', 'shift 100', 'shift 100']);
      await replay(await deployment.handle.fetchHistory());
    });
  });

  test('does not hold up a rollback: a breach while it holds rolls back at once', async () => {
    let breached = false;
    const scene = freezable({ watch: () => (breached ? { verdict: 'breached', reason: 'green failed' } : undefined) });
    scene.at = 100;
    scene.freezes = [STOPPED];
    await temporal.deploy(scene.activities, async (deployment) => {
      await approve(deployment);
      await deployment.untilPhase('held');
      breached = true;
      const { message, report } = await rolledBack(deployment.handle);
      expect(message).toContain('green failed');
      expect(report.rollback?.cause).toBe('breach');
      expect(effects(scene.asked)).toEqual(['deploy', 'shift 50', 'shift 100', 'restore 1', 'verify', 'guard']);
    });
  });

  test('before the first shift: what was proven is proven again, then it goes on', async () => {
    let baselines = 0;
    const scene = freezable();
    const { readBaseline } = scene.activities;
    const activities = { ...scene.activities, readBaseline: (input: never) => (baselines++, readBaseline(input)) };
    scene.at = 50;
    scene.freezes = [CHRISTMAS];
    await temporal.deploy(activities, async (deployment) => {
      const held = await deployment.untilPhase('held');
      expect(held.shiftBegunAt).toBeUndefined();
      expect(baselines).toBe(2);
      scene.freezes = [];
      await approve(deployment);
      await deployment.handle.result();
      expect(baselines).toBe(3);
    });
  });

  test('is overridden by a decision of somebody on the list; the next freeze holds again', async () => {
    const scene = freezable();
    scene.freezes = [STOPPED];
    scene.at = 50;
    await temporal.deploy(scene.activities, async (deployment) => {
      const decide = (by: string, reason?: string) =>
        deployment.handle.executeUpdate(messages.decide, {
          args: [{ action: 'overrideFreeze', by, ...(reason === undefined ? {} : { reason }) }],
        });
      const refused = (sent: Promise<unknown>) => sent.catch((error: { cause?: Error }) => error.cause?.message);
      await deployment.untilPhase('held');
      expect(await refused(decide('ana'))).toContain('"reason" is missing');
      expect(await refused(decide('bob', 'hurry'))).toBe(
        'bob may not override a freeze; the runbook allows ana (onFreeze.override)',
      );
      expect(await decide('ana', 'fixes the outage')).toEqual({ taken: true });
      await approve(deployment);
      scene.at = undefined;
      scene.freezes = [STOPPED, CHRISTMAS];
      const held = await deployment.untilPhase('held');
      expect(held.held?.freezes).toEqual([CHRISTMAS]);
      expect(await refused(decide('bob', 'hurry'))).toContain('may not override');
      await deployment.handle.signal(messages.overrideFreeze, { by: 'ana', reason: 'again' });
      expect((await deployment.handle.result()).outcome).toBe('completed');
      await keepHistory('frozen-overridden', deployment.handle);
    });
  });

  test('that does not end in time rolls back', async () => {
    const scene = freezable({ onFreeze: { timeoutMs: 500 } });
    scene.at = 100;
    scene.freezes = [STOPPED];
    await temporal.deploy(scene.activities, async (deployment) => {
      await approve(deployment);
      expect((await rolledBack(deployment.handle)).report.rollback?.cause).toBe('freeze-timeout');
    });
  });
});
