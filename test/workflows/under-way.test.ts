import { expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '../../src/domain/errors.ts';
import type { PlannedCheck } from '../../src/domain/plan.ts';
import { type DeploymentStatus, isStuck } from '../../src/domain/status.ts';
import * as messages from '../../src/workflows/messages.ts';
import { isOpen } from '../support/history.ts';
import { replay } from '../support/replay.ts';
import { type DeploymentHandle, keepHistory, useTemporal } from '../support/temporal.ts';
import { CHECKS, failed, passed, type Script, untilCancelled, world } from '../support/world.ts';

/** A deployment under way, wherever it is, is taken over by a worker that knows only its history. */

const temporal = useTemporal();

interface UnderWay {
  readonly script: Script;
  /** What a person does on the way. */
  readonly act?: (handle: DeploymentHandle) => Promise<void>;
  readonly at: (status: DeploymentStatus) => boolean;
}

const MENDABLE: PlannedCheck = { ...CHECKS.critical, remedy: { automatic: true, timeoutMs: 10_000 } };
const AGAIN: PlannedCheck = { ...CHECKS.critical, again: true };
const BREACH = { verdict: 'breached', reason: 'green failed 20 of 100' } as const;
const phase =
  (wanted: DeploymentStatus['phase']) =>
  (status: DeploymentStatus): boolean =>
    status.phase === wanted;

const UNDER_WAY: Record<string, UnderWay> = {
  resolving: { script: { activities: { resolvePlan: untilCancelled } }, at: phase('resolving') },
  checking: { script: { checks: [CHECKS.critical, CHECKS.person] }, at: isStuck },
  'checking-failed': {
    script: { checks: [CHECKS.critical], activities: { runCheck: async () => failed() } },
    at: isStuck,
  },
  'checking-fixing': {
    script: { checks: [MENDABLE], activities: { runCheck: async () => failed(), runRemedy: untilCancelled } },
    at: ({ checks }) => checks.some(({ outcome }) => outcome === 'fixing'),
  },
  'checking-before-traffic': {
    script: {
      checks: [AGAIN],
      activities: { runCheck: async ({ greenIsUp }) => (greenIsUp ? failed() : passed()) },
    },
    at: (status) => isStuck(status) && status.deployedAt !== undefined,
  },
  deploying: { script: { activities: { deployGreen: untilCancelled } }, at: phase('deploying') },
  shifting: { script: { activities: { shiftTraffic: untilCancelled } }, at: phase('shifting') },
  soaking: {
    script: { plan: (plan) => ({ ...plan, traffic: plan.traffic.map((step) => ({ ...step, soakMs: 20_000 })) }) },
    at: ({ steps }) => (steps[0]?.windows.length ?? 0) > 1,
  },
  'soaking-extended': {
    script: {
      plan: (plan) => ({ ...plan, watch: { ...plan.watch, maxSoakFactor: 100 } }),
      watch: () => ({ verdict: 'inconclusive', reason: 'too few requests', code: 'insufficient-data' }),
    },
    at: ({ steps: [step] }) => step !== undefined && step.soakUntil - step.shiftedAt > 300,
  },
  'awaiting-approval': { script: {}, at: phase('awaiting-approval') },
  'awaiting-approval-second': {
    script: {
      plan: (plan) => ({
        ...plan,
        traffic: plan.traffic.map((step) => ({
          ...step,
          ...(step.approval ? { approval: { ...step.approval, required: 2 } } : {}),
        })),
      }),
    },
    act: (handle) => handle.signal(messages.approve, { by: 'ana' }),
    at: ({ phase: now, steps }) => now === 'awaiting-approval' && steps[0]?.gate?.approvedBy.length === 1,
  },
  'rolling-back': {
    script: { watch: () => BREACH, activities: { restoreTraffic: untilCancelled } },
    at: ({ rollback }) => rollback?.round === 1,
  },
  'rolling-back-restored': {
    script: { watch: () => BREACH, activities: { verifyRecovery: untilCancelled } },
    at: ({ rollback }) => rollback?.restored !== undefined,
  },
  'rolling-back-recovered': {
    script: { watch: () => BREACH, activities: { guardTraffic: untilCancelled } },
    at: ({ rollback }) => rollback?.recovered !== undefined,
  },
  'rollback-stalled': {
    script: {
      plan: (plan) => ({ ...plan, rollback: { ...plan.rollback, pauseMs: 60_000 } }),
      watch: () => BREACH,
      activities: {
        restoreTraffic: async () => {
          throw ApplicationFailure.nonRetryable('rollback failed with exit code 3', FAILURE.CommandFailed);
        },
      },
    },
    at: phase('rollback-stalled'),
  },
};

test.each(Object.entries(UNDER_WAY))('%s', async (name, { script, act, at }) => {
  const { activities } = world(script);
  await temporal.deploy(activities, async ({ handle, until }) => {
    if (act) {
      await until(({ phase: now }) => now === 'soaking' || now === 'awaiting-approval');
      await act(handle);
    }
    await until(at);
    const history = await handle.fetchHistory();
    expect(isOpen(history)).toBe(true);
    await replay(history);
    await keepHistory(`open-${name}`, handle);
  });
});
