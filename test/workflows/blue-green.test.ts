import { expect, test } from '@jest/globals';
import { Context } from '@temporalio/activity';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { Activities } from '../../src/domain/activities.ts';
import type { RollbackInput, TrafficRestored } from '../../src/domain/activity-results.ts';
import { FAILURE } from '../../src/domain/errors.ts';
import { deploymentWorkflowId, extensionMs } from '../../src/domain/plan.ts';
import { openGate } from '../../src/domain/status.ts';
import * as messages from '../../src/workflows/messages.ts';
import { until as untilTrue } from '../checks/support/context.ts';
import { PATIENCE_MS } from '../support/patience.ts';
import { type DeploymentHandle, keepHistory, rolledBack, uniqueService, useTemporal } from '../support/temporal.ts';
import {
  CHECKS,
  effects,
  healthyWindow,
  passed,
  type Script,
  untilCancelled,
  untilCancelledOr,
  world,
} from '../support/world.ts';

const temporal = useTemporal();

async function isCancelled(handle: DeploymentHandle): Promise<boolean> {
  const error = await handle.result().catch((thrown: unknown) => thrown);
  return error instanceof WorkflowFailedError && error.cause instanceof CancelledFailure;
}

const TO_THE_END = ['deploy', 'shift 50', 'shift 100'];
const ROLLBACK = ['restore 1', 'verify', 'guard'];

test('a healthy release goes the way of the guide: deploy, 50 %, approval, 100 %, done', async () => {
  const { activities, asked } = world({ checks: [CHECKS.critical, CHECKS.ordinary] });
  await temporal.deploy(activities, async ({ handle, untilPhase, status }) => {
    const waiting = await untilPhase('awaiting-approval');
    expect(waiting.greenPercentage).toBe(50);
    expect(waiting.waitingFor?.what).toContain('shift-to-100');
    await handle.signal(messages.approve, { by: 'ana', reason: 'looks good' });
    const report = await handle.result();
    expect(report).toMatchObject({ outcome: 'completed', version: '2.5.0', blue: '2.4.0' });
    expect(report.steps.map((step) => step.percentage)).toEqual([50, 100]);
    expect(report.steps[0]?.gate?.approvedBy).toEqual(['ana']);
    expect(report.checks.map((check) => check.outcome)).toEqual(['passed', 'passed']);
    expect(effects(asked)).toEqual(TO_THE_END);
    expect((await status()).phase).toBe('completed');
    await keepHistory('completed', handle);
  });
});

test('the phase and the names are search attributes, so that a list shows what is going on', async () => {
  const { activities } = world();
  await temporal.deploy(activities, async ({ handle, untilPhase }) => {
    await untilPhase('awaiting-approval');
    const { searchAttributes } = await handle.describe();
    expect(searchAttributes).toMatchObject({
      BlueGreenEnvironment: ['production'],
      BlueGreenVersion: ['2.5.0'],
      BlueGreenPhase: ['awaiting-approval'],
    });
  });
});

test('invariant 3: an approval during the soak counts, and only when the soak is proven healthy', async () => {
  const { activities, asked } = world({ plan: (plan) => soaking(plan, 1_500) });
  await temporal.deploy(activities, async ({ handle, untilPhase, status }) => {
    await untilPhase('soaking');
    await handle.signal(messages.approve, { by: 'ana' });
    expect(openGate(await status())?.approvedBy).toEqual(['ana']);
    expect(asked).not.toContain('shift 100');
    const report = await handle.result();
    const [first, second] = report.steps;
    expect(second?.shiftedAt).toBeGreaterThanOrEqual(first?.provenAt ?? Number.POSITIVE_INFINITY);
    await keepHistory('completed-approved-early', handle);
  });
});

test('invariant 8: a decision counts once, for its own gate; the others are recorded as ignored', async () => {
  const { activities } = world({ checks: [CHECKS.person] });
  await temporal.deploy(activities, async ({ handle, untilPhase, until }) => {
    await untilPhase('checking');
    await handle.signal(messages.approve, { by: 'early' });
    await handle.signal(messages.attest, { check: 'load-test', by: 'ben' });
    await untilPhase('awaiting-approval');
    await handle.signal(messages.approve, { by: 'stale', gate: 'shift-to-50' });
    await handle.signal(messages.approve, { by: 'ana', decisionId: 'one' });
    await handle.signal(messages.approve, { by: 'ana', decisionId: 'one' });
    await handle.result();
    const { decisions } = await until((status) => status.phase === 'completed');
    expect(decisions.map(({ action, by, taken }) => `${action} ${by} ${taken}`)).toEqual([
      'approve early false',
      'attest ben true',
      'approve stale false',
      'approve ana true',
      'approve ana false',
    ]);
  });
});

test('a gate that asks for two approvals takes them from two people', async () => {
  const { activities } = world({
    plan: (plan) => ({
      ...plan,
      traffic: [
        { percentage: 50, soakMs: 100, approval: { required: 2, timeoutMs: PATIENCE_MS, onTimeout: 'rollback' } },
        { percentage: 100, soakMs: 100 },
      ],
    }),
  });
  await temporal.deploy(activities, async ({ handle, untilPhase, status }) => {
    await untilPhase('awaiting-approval');
    expect(await handle.executeUpdate(messages.decide, { args: [{ action: 'approve', by: 'ana' }] })).toEqual({
      taken: true,
      missing: '1 of 2 approvals of shift-to-100',
    });
    await expect(
      handle.executeUpdate(messages.decide, { args: [{ action: 'approve', by: 'ana' }] }),
    ).rejects.toMatchObject({
      cause: { message: 'ana approved shift-to-100 already' },
    });
    expect((await status()).phase).toBe('awaiting-approval');
    await handle.signal(messages.approve, { by: 'ben' });
    expect((await handle.result()).steps[0]?.gate?.approvedBy).toEqual(['ana', 'ben']);
  });
});

test.each([
  ['at 50 %', 1, ['deploy', 'shift 50']],
  ['at 100 %', 2, TO_THE_END],
])('invariant 6: a breach %s ends in the rollback, with the recovery measured', async (_, soak, before) => {
  const { activities, asked } = world({
    plan: approvedByItself,
    watch: (window) => (window.soak === soak ? { verdict: 'breached', reason: 'green failed 20 of 100' } : undefined),
  });
  await temporal.deploy(activities, async ({ handle, status }) => {
    const { type, message, report } = await rolledBack(handle);
    expect(type).toBe(FAILURE.DeploymentRolledBack);
    expect(message).toContain('green failed 20 of 100');
    expect(report.rollback).toMatchObject({ cause: 'breach', round: 1, withinTarget: true, targetMs: 90_000 });
    expect(effects(asked)).toEqual([...before, ...ROLLBACK]);
    expect((await status()).greenPercentage).toBe(0);
    await keepHistory(`breach-in-soak-${soak}`, handle);
  });
});

test('invariant 4: a breach at an open gate rolls back, whatever was approved meanwhile', async () => {
  let breached = false;
  const { activities, asked } = world({ watch: () => (breached ? { verdict: 'breached', reason: 'bad' } : undefined) });
  await temporal.deploy(activities, async ({ handle, untilPhase }) => {
    await untilPhase('awaiting-approval');
    breached = true;
    await handle.signal(messages.approve, { by: 'ana' });
    expect((await rolledBack(handle)).report.rollback?.cause).toBe('breach');
    expect(asked).not.toContain('shift 100');
    await keepHistory('breach-at-gate', handle);
  });
});

test('a gate that nobody answers in time rolls back', async () => {
  const { activities } = world({
    plan: (plan) => ({
      ...plan,
      traffic: [
        { percentage: 50, soakMs: 100, approval: { required: 1, timeoutMs: 300, onTimeout: 'rollback' } },
        { percentage: 100, soakMs: 100 },
      ],
    }),
  });
  await temporal.deploy(activities, async ({ handle }) => {
    expect((await rolledBack(handle)).report.rollback?.cause).toBe('gate-timeout');
    await keepHistory('gate-timeout', handle);
  });
});

test('invariant 5: a soak without proof is extended and, still without proof, rolled back', async () => {
  const { activities } = world({ watch: () => ({ verdict: 'inconclusive', reason: 'no traffic' }) });
  await temporal.deploy(activities, async ({ handle }) => {
    const { message, report } = await rolledBack(handle);
    expect(report.rollback?.cause).toBe('inconclusive');
    expect(message).toContain('no traffic');
    const [step] = report.steps;
    expect((step?.soakUntil ?? 0) - (step?.shiftedAt ?? 0)).toBe(900);
    expect(step?.extended).toMatchObject({ reason: 'no traffic' });
    await keepHistory('inconclusive', handle);
  });
});

const BLIND = {
  verdict: 'inconclusive',
  reason: 'no metrics for 10 min',
  code: 'no-metrics',
  exhausted: true,
} as const;

function undecided(action: 'wait' | 'rollback', timeoutMs: number): NonNullable<Script['plan']> {
  return (plan) => ({ ...approvedByItself(plan), watch: { ...plan.watch, undecided: { action, timeoutMs } } });
}

test.each([
  ['50', 1],
  ['100', 2],
])('undecided at %s %%: a person is called once, and it goes on when the evidence is back', async (percentage, in_) => {
  let isBlind = true;
  const { activities, asked } = world({
    plan: undecided('wait', 60_000),
    watch: ({ soak }) => (soak === in_ && isBlind ? BLIND : undefined),
  });
  await temporal.deploy(activities, async ({ handle, until }) => {
    // Its longest soak of 900 ms is over by then.
    const { waitingFor } = await until(
      ({ steps }) => steps.length === in_ && (steps.at(-1)?.soakUntil ?? 0) > (steps.at(-1)?.shiftedAt ?? 0) + 1_500,
    );
    expect(waitingFor?.what).toBe('somebody to decide, since nothing can be judged: no metrics for 10 min');
    expect(waitingFor?.until).toBe((waitingFor?.since ?? 0) + 60_000);
    isBlind = false;
    const report = await handle.result();
    expect(report.outcome).toBe('completed');
    const step = report.steps.find((one) => String(one.percentage) === percentage);
    expect(step?.undecidedMs).toBeGreaterThan(0);
    expect(step?.undecided).toBeUndefined();
    expect(asked.filter((one) => one === 'notify critical')).toHaveLength(1);
  });
});

test.each([
  ['50', 1],
  ['100', 2],
])('undecided at %s %%, and nobody decides: rolled back at the bound, not before', async (_, in_) => {
  const { activities } = world({
    plan: undecided('wait', 2_000),
    watch: ({ soak }) => (soak === in_ ? BLIND : undefined),
  });
  await temporal.deploy(activities, async ({ handle }) => {
    const { message, report } = await rolledBack(handle);
    expect(message).toContain('Nobody decided within 2 s: no metrics for 10 min.');
    expect(report.rollback?.cause).toBe('inconclusive');
    const { since = 0, until = 0 } = report.steps.at(-1)?.undecided ?? {};
    expect(until).toBe(since + 2_000);
    expect(report.rollback?.detectedAt).toBeGreaterThanOrEqual(until);
  });
});

test.each([
  ['50', 1],
  ['100', 2],
])('undecided at %s %%, and the runbook wants a rollback: at once, in those words', async (_, in_) => {
  const { activities, asked } = world({
    plan: undecided('rollback', 60_000),
    watch: ({ soak }) => (soak === in_ ? BLIND : undefined),
  });
  await temporal.deploy(activities, async ({ handle }) => {
    const { message, report } = await rolledBack(handle);
    expect(message).toContain('no metrics for 10 min. The runbook rolls back then (judge.onUndecided: rollback).');
    expect(report.steps.at(-1)?.windows).toHaveLength(1);
    expect(asked.filter((one) => one === 'notify critical')).toHaveLength(1); // of the rollback
  });
});

test('a soak that reaches its longest without metrics waits, too; abort rolls back', async () => {
  const { activities } = world({
    plan: undecided('wait', 60_000),
    watch: () => ({ verdict: 'inconclusive', reason: 'no new metrics for 50 s', code: 'no-metrics' }),
  });
  await temporal.deploy(activities, async ({ handle, until }) => {
    await until(({ steps }) => steps.at(-1)?.undecided !== undefined);
    await handle.signal(messages.abort, { by: 'ana', reason: 'enough' });
    expect((await rolledBack(handle)).report.rollback?.cause).toBe('aborted');
  });
});

test('a soak is extended by ever longer pieces, up to a window, and people hear of it once', async () => {
  const watch = { pollMs: 50, windowMs: 400, gateWindowMs: 400, maxUnwatchedMs: 60_000, maxSoakFactor: 10 };
  expect([0, 1, 2, 3].map((extensions) => extensionMs(extensions, watch))).toEqual([200, 400, 400, 400]);
  const { activities, asked } = world({
    plan: (plan) => ({ ...approvedByItself(plan), watch: { ...plan.watch, windowMs: 400, maxSoakFactor: 10 } }),
    watch: ({ soak, number }) =>
      soak === 1 && number < 5
        ? { verdict: 'inconclusive', reason: 'too few requests', code: 'insufficient-data' }
        : undefined,
  });
  await temporal.deploy(activities, async ({ handle }) => {
    const { steps } = await handle.result();
    const { shiftedAt = 0, soakUntil = 0 } = steps[0] ?? {};
    expect(soakUntil - shiftedAt).toBeGreaterThanOrEqual(300 + 200 + 400 + 400);
    expect(asked.filter((one) => one === 'notify warning')).toHaveLength(1);
  });
});

test('a soak is extended by what is missing, and ends with the first proof', async () => {
  let provenAt = 0;
  const { activities } = world({
    plan: (plan) => ({ ...approvedByItself(plan), watch: { ...plan.watch, windowMs: 60_000, maxSoakFactor: 300 } }),
    watch: ({ soak }) => {
      if (soak > 1 || (provenAt > 0 && Date.now() >= provenAt)) return undefined;
      return { verdict: 'inconclusive', reason: '250 ms of 300 ms', code: 'insufficient-data', missingMs: 50_000 };
    },
  });
  await temporal.deploy(activities, async ({ handle, until }) => {
    const { steps: extended } = await until(
      ({ steps: [step] }) => (step?.soakUntil ?? 0) - (step?.shiftedAt ?? 0) > 300,
    );
    expect((extended[0]?.soakUntil ?? 0) - (extended[0]?.shiftedAt ?? 0)).toBeGreaterThanOrEqual(50_300);
    provenAt = Date.now();
    const { steps } = await handle.result();
    expect(steps[0]?.provenAt).toBeLessThan(extended[0]?.soakUntil ?? 0);
    expect(steps[0]?.windows).toHaveLength(2);
  });
});

test('an approval with an inconclusive closing window waits for a healthy one', async () => {
  let current = 0;
  let cloudedUntil = 0;
  const { activities } = world({
    watch: ({ number }) => {
      current = number;
      return number <= cloudedUntil ? { verdict: 'inconclusive', reason: 'the metrics are away' } : undefined;
    },
  });
  await temporal.deploy(activities, async ({ handle, until }) => {
    await until(({ phase, steps }) => phase === 'awaiting-approval' && current > (steps[0]?.windows.length ?? 0));
    cloudedUntil = current;
    await handle.signal(messages.approve, { by: 'ana' });
    const windows = (await handle.result()).steps[0]?.windows.map((window) => window.verdict) ?? [];
    expect(windows.slice(-2)).toEqual(['inconclusive', 'healthy']);
  });
});

test('an approval while no worker has the window, between two attempts, loses nothing: a fresh window confirms it', async () => {
  let lost = 0;
  const { activities } = world({
    activities: {
      watchWindow: async (input) => {
        // Only a window at the gate is that long.
        if (input.until - Date.now() > 5_000 && lost++ === 0) throw new Error('the worker is shutting down');
        return healthyWindow(input);
      },
    },
  });
  await temporal.deploy(activities, async ({ handle, until }) => {
    await until(() => lost > 0);
    await handle.signal(messages.approve, { by: 'ana' });
    const { outcome, steps } = await handle.result();
    expect(outcome).toBe('completed');
    expect(steps[0]?.windows.slice(-2).map(({ verdict }) => verdict)).toEqual(['inconclusive', 'healthy']);
    await keepHistory('completed-approved-between-attempts', handle);
  });
});

test.each<[string, Script['activities'], readonly string[]]>([
  ['deploy', { deployGreen: refusing }, ['deploy']],
  ['shift', { shiftTraffic: refusing }, ['deploy', 'shift 50']],
])('invariant 6: a %s that fails ends in the rollback', async (name, fails, before) => {
  const { activities, asked } = world({ activities: fails ?? {} });
  await temporal.deploy(activities, async ({ handle }) => {
    const { message, report } = await rolledBack(handle);
    expect(message).toContain('exit code 3');
    expect(report.rollback?.cause).toBe('failed-step');
    expect(effects(asked)).toEqual([...before, ...ROLLBACK]);
    await keepHistory(`failed-${name}`, handle);
  });
});

test('a green that still got requests is stopped after blue is proven to have them all', async () => {
  let restores = 0;
  let since: unknown;
  const line = (measured: string) => ({ what: 'stop', measured });
  const { activities, asked } = world({
    watch: () => ({ verdict: 'breached', reason: 'bad' }),
    activities: {
      restoreTraffic: async () => {
        restores += 1;
        const restored = { startedAt: Date.now(), restoredAt: Date.now(), readBack: true as const };
        return restores === 1
          ? { ...restored, evidence: [line('it still gets requests')], greenRuns: true, cursor: { at: 7 } }
          : { ...restored, evidence: [line('exit code 0')] };
      },
      verifyRecovery: async (input) => {
        since = input.since;
        return { healthyAt: Date.now(), requests: 50, evidence: [] };
      },
    },
  });
  await temporal.deploy(activities, async ({ handle }) => {
    const { report } = await rolledBack(handle);
    expect(effects(asked)).toEqual(['deploy', 'shift 50', 'restore 1', 'verify', 'restore 1', 'guard']);
    expect(since).toEqual({ at: 7 });
    expect(report.rollback?.restored?.evidence).toEqual([line('exit code 0')]);
    await keepHistory('green-stopped-late', handle);
  });
});

test.each([
  [{}, ['report refused']],
  [{ checklistOnly: true }, ['check pool-size', 'report refused']],
])(
  'invariant 14: metrics that cannot be judged are refused before anything is deployed (%j); a checklist alone shows its checks first',
  async (request, expected) => {
    const { activities, asked } = world({ checks: [CHECKS.ordinary], activities: { readBaseline: unusable } });
    await temporal.deploy(
      activities,
      async ({ handle }) => {
        const { type, message, report } = await rolledBack(handle);
        expect(type).toBe(FAILURE.ChecklistFailed);
        expect(message).toBe('The metrics have no label "version". Nothing was deployed.');
        expect(report.outcome).toBe('refused');
        expect(asked).toEqual(expected);
      },
      request,
    );
  },
);

test('invariant 14: metrics that are lost before the first shift roll back, with all traffic on blue', async () => {
  let asks = 0;
  const inputs: RollbackInput[] = [];
  const { activities, asked } = world({
    activities: {
      readBaseline: async () => {
        asks += 1;
        return asks > 1 ? unusable() : { watchState: { cursor: null, judge: null, soakStartedAt: 0 } };
      },
      verifyRecovery: async (input) => {
        inputs.push(input);
        const accepted = { what: 'no traffic had been moved', by: 'the rule' };
        return { healthyAt: Date.now(), requests: 0, evidence: [], accepted };
      },
    },
  });
  await temporal.deploy(activities, async ({ handle }) => {
    const { message, report } = await rolledBack(handle);
    expect(effects(asked)).toEqual(['deploy', ...ROLLBACK]);
    expect(inputs[0]?.neverShifted).toBe(true);
    expect(message).toMatch(/The metrics have no label.*Blue's health is unproven; accepted by the rule: no traffic/);
    expect(report.rollback?.recoveryMs).toBeUndefined();
  });
});

test('the first soak counts from right before the first shift, not from the deployment', async () => {
  const order: string[] = [];
  const baseline = { cursor: { at: 7, series: {} }, judge: null, soakStartedAt: 0 };
  const carried: unknown[] = [];
  const { activities } = world({
    plan: (plan) => ({ ...approvedByItself(plan), verifyGreen: [CHECKS.ordinary] }),
    activities: {
      readBaseline: async () => {
        order.push('baseline');
        return { watchState: baseline };
      },
      deployGreen: async () => {
        order.push('deploy');
        return { evidence: [] };
      },
      runCheck: async () => {
        order.push('verify green');
        return passed();
      },
      shiftTraffic: async ({ percentage }) => {
        order.push(`shift ${percentage}`);
        return { shiftedAt: Date.now(), evidence: [] };
      },
      watchWindow: (input) => {
        carried.push(input.watchState);
        return healthyWindow(input);
      },
    },
  });
  await temporal.deploy(activities, async ({ handle }) => {
    await handle.result();
    expect(order).toEqual(['baseline', 'deploy', 'verify green', 'baseline', 'shift 50', 'shift 100']);
    expect(carried[0]).toEqual(baseline);
  });
});

const LONG: Record<string, Script> = {
  deploying: { activities: { deployGreen: untilCancelled } },
  shifting: { activities: { shiftTraffic: untilCancelled } },
  soaking: { plan: (plan) => soaking(plan, 20_000) },
  'awaiting-approval': {},
};

test.each(Object.keys(LONG))('abort and reject work while %s, and roll back', async (phase) => {
  for (const action of [messages.abort, messages.reject]) {
    const { activities, asked } = world(LONG[phase]);
    await temporal.deploy(activities, async ({ handle, untilPhase }) => {
      await untilPhase(phase as never);
      await handle.signal(action, { by: 'ana', reason: 'changed my mind' });
      const { message, report } = await rolledBack(handle);
      expect(message).toContain('by ana: changed my mind');
      expect(report.rollback?.cause).toBe(action === messages.abort ? 'aborted' : 'rejected');
      expect(asked).toContain('verify');
      await keepHistory(`${action === messages.abort ? 'aborted' : 'rejected'}-${phase}`, handle);
    });
  }
});

test('an abort in a soak does not wait until the watch hears of it', async () => {
  let watchEnds = (): void => {};
  const { activities, asked } = world({
    plan: (plan) => soaking(plan, 20_000),
    activities: {
      watchWindow: async (input) => {
        // It sends no heartbeat meanwhile, as one whose worker is lost.
        await new Promise<void>((resolve) => {
          watchEnds = resolve;
        });
        return healthyWindow({ ...input, until: 0 });
      },
    },
  });
  await temporal.deploy(activities, async ({ handle, untilPhase }) => {
    await untilPhase('soaking');
    await untilTrue(() => asked.includes('watch'));
    await handle.signal(messages.abort, { by: 'ana' });
    const { report } = await rolledBack(handle);
    expect(report.rollback?.cause).toBe('aborted');
    watchEnds();
  });
});

test('what the watch doubts while the rollback moves the traffic is not said of the soak', async () => {
  let watchEnds = (): void => {};
  let blueIsBack = (): void => {};
  const settled = (set: (resolve: () => void) => void) => new Promise<void>(set);
  const { activities, asked } = world({
    plan: (plan) => soaking(plan, 20_000),
    activities: {
      watchWindow: async (input) => {
        await settled((resolve) => {
          watchEnds = resolve;
        });
        const window = await healthyWindow({ ...input, until: 0 });
        return { ...window, verdict: 'inconclusive', reason: 'green gets 0 %', code: 'wrong-traffic-split' };
      },
      verifyRecovery: async () => {
        await settled((resolve) => {
          blueIsBack = resolve;
        });
        return { healthyAt: Date.now(), requests: 50, evidence: [] };
      },
    },
  });
  await temporal.deploy(activities, async ({ handle, until, untilPhase }) => {
    await untilPhase('soaking');
    await untilTrue(() => asked.includes('watch'));
    await handle.signal(messages.abort, { by: 'ana' });
    await untilTrue(() => asked.includes('verify'));
    watchEnds();
    const { steps } = await until((status) => (status.steps[0]?.windows.length ?? 0) > 0);
    expect(steps[0]?.windows).toMatchObject([
      { verdict: 'inconclusive', reason: 'the soak was left before the window closed', green: { requests: 100 } },
    ]);
    blueIsBack();
    await rolledBack(handle);
  });
});

test.each(Object.keys(LONG))('a cancellation while %s rolls back, then closes as cancelled', async (phase) => {
  const { activities, asked } = world(LONG[phase]);
  await temporal.deploy(activities, async ({ handle, untilPhase, status }) => {
    await untilPhase(phase as never);
    await handle.cancel();
    expect(await isCancelled(handle)).toBe(true);
    expect(asked.slice(-3)).toEqual(['guard', 'notify warning', 'report cancelled']);
    expect(await status()).toMatchObject({ phase: 'cancelled', greenPercentage: 0 });
    await keepHistory(`cancelled-${phase}`, handle);
  });
});

test('before anything was changed, cancel and abort close without a rollback', async () => {
  const waiting: Script = { checks: [CHECKS.person] };
  const cancelled = world(waiting);
  await temporal.deploy(cancelled.activities, async ({ handle, untilPhase }) => {
    await untilPhase('checking');
    await handle.cancel();
    expect(await isCancelled(handle)).toBe(true);
    expect(cancelled.asked).toEqual(['report cancelled']);
    await keepHistory('cancelled-checking', handle);
  });
  const aborted = world(waiting);
  await temporal.deploy(aborted.activities, async ({ handle, untilPhase }) => {
    await untilPhase('checking');
    await handle.signal(messages.abort, { by: 'ana' });
    expect(await rolledBack(handle)).toMatchObject({ type: FAILURE.ChecklistFailed });
    expect(aborted.asked).toEqual(['report refused']);
    await keepHistory('aborted-checking', handle);
  });
});

test('a request that cannot be used is refused, nothing changed', async () => {
  const { activities, asked } = world({
    activities: {
      resolvePlan: async () => {
        throw ApplicationFailure.nonRetryable('request.version: found "--help"', FAILURE.InvalidRequest);
      },
    },
  });
  await temporal.deploy(activities, async ({ handle }) => {
    expect(await rolledBack(handle)).toMatchObject({
      type: FAILURE.InvalidRequest,
      message: 'request.version: found "--help"',
    });
    expect(asked).toEqual(['report refused']);
    await keepHistory('invalid-request', handle);
  });
});

test('invariant 13: another workflow id is refused at once and told which one to use', async () => {
  const { activities, asked } = world();
  const service = uniqueService();
  await temporal.deploy(activities, async ({ handle }) => {
    const { taskQueue } = await handle.describe();
    const wrong: DeploymentHandle = await temporal.client().workflow.start('blueGreenDeployment', {
      taskQueue,
      workflowId: `mine-${service}`,
      args: [{ service, version: '2.5.0' }],
    });
    const { type, message } = await rolledBack(wrong);
    expect(type).toBe(FAILURE.InvalidRequest);
    expect(message).toContain(`blue-green/production/${service}`);
    const scheduled = (await wrong.fetchHistory()).events?.flatMap(
      (event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? [],
    );
    expect(scheduled).toEqual(['writeReport']);
    expect(asked.filter((one) => one === 'deploy').length).toBeLessThanOrEqual(1);
    await keepHistory('wrong-id', wrong);
  });
});

test('invariant 13: a second start while one runs is refused by the server', async () => {
  const { activities } = world();
  const service = uniqueService();
  await temporal.deploy(
    activities,
    async ({ handle }) => {
      const { taskQueue } = await handle.describe();
      const second = temporal.client().workflow.start('blueGreenDeployment', {
        taskQueue,
        workflowId: deploymentWorkflowId(service),
        args: [{ service, version: '2.6.0' }],
      });
      await expect(second).rejects.toMatchObject({ name: 'WorkflowExecutionAlreadyStartedError' });
    },
    { service },
  );
});

test('invariant 10: no nonsense in any message can end or stall a deployment', async () => {
  const { activities } = world();
  const nonsense: unknown[] = [
    null,
    7,
    'yes',
    [],
    {},
    { by: '' },
    { by: 5 },
    { by: 'x'.repeat(5_000) },
    { by: 'ana', gates: 'x' },
    { action: 'fly' },
  ];
  await temporal.deploy(activities, async ({ handle, untilPhase, status }) => {
    await untilPhase('awaiting-approval');
    for (const payload of nonsense) {
      for (const name of ['approve', 'reject', 'abort', 'waive', 'attest', 'retryRollback', 'never-heard-of'])
        await handle.signal(name, payload);
      await expect(handle.executeUpdate('decide', { args: [payload] })).rejects.toThrow();
    }
    const after = await status();
    expect(after.phase).toBe('awaiting-approval');
    expect(after.decisions.every((decision) => !decision.taken)).toBe(true);
    expect(after.decisions.length).toBeLessThanOrEqual(20);
    await handle.signal(messages.approve, { by: 'ana' });
    expect((await handle.result()).outcome).toBe('completed');
  });
});

test('invariant 7: a rollback that fails tells people, tries again and takes retryRollback; cancel does not stop it', async () => {
  let broken = true;
  const { activities, asked } = world({
    plan: (plan) => ({ ...approvedByItself(plan), rollback: { ...plan.rollback, pauseMs: 60_000 } }),
    watch: () => ({ verdict: 'breached', reason: 'bad' }),
    activities: {
      restoreTraffic: async (input) => {
        if (broken) throw ApplicationFailure.nonRetryable('rollback failed with exit code 3', FAILURE.CommandFailed);
        return { startedAt: Date.now(), restoredAt: Date.now() + input.round, evidence: [] };
      },
    },
  });
  await temporal.deploy(activities, async ({ handle, until, untilPhase }) => {
    const stalled = await until((status) => status.phase === 'rollback-stalled' && (status.rollback?.round ?? 0) >= 3);
    expect(stalled.rollback?.problem).toContain('exit code 3');
    expect(asked).toContain('notify critical');
    await handle.cancel();
    await handle.signal(messages.abort, { by: 'ana' });
    await untilPhase('rollback-stalled');
    broken = false;
    await handle.signal(messages.retryRollback, { by: 'ana' });
    const { report } = await rolledBack(handle);
    expect(report.rollback?.cause).toBe('breach');
    expect(report.rollback?.recovered).toBeDefined();
    expect(report.rollback?.problem).toBeUndefined();
    await keepHistory('rollback-stalled', handle);
  });
});

test('invariant 7: retryRollback ends a round that hangs and starts another', async () => {
  const { activities } = world({
    plan: approvedByItself,
    watch: () => ({ verdict: 'breached', reason: 'bad' }),
    activities: {
      restoreTraffic: async ({ round }) =>
        round === 1 ? untilCancelled() : { startedAt: Date.now(), restoredAt: Date.now(), evidence: [] },
    },
  });
  await temporal.deploy(activities, async ({ handle, until }) => {
    await until((status) => status.rollback?.round === 1);
    await handle.signal(messages.retryRollback, { by: 'ana' });
    expect((await rolledBack(handle)).report.rollback?.round).toBe(2);
    await keepHistory('rollback-retried', handle);
  });
});

test('invariant 7: asked for another round without end, the rollback still comes to its end', async () => {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { activities, asked } = world({
    plan: (plan) => ({ ...approvedByItself(plan), rollback: { ...plan.rollback, pauseMs: 3_600_000 } }),
    watch: () => ({ verdict: 'breached', reason: 'bad' }),
    activities: {
      restoreTraffic: async ({ round }) => {
        if (round === 1) await untilCancelled();
        if (round === 2) {
          await untilCancelledOr(released);
          throw ApplicationFailure.nonRetryable('the router is not back', FAILURE.CommandFailed);
        }
        return { startedAt: Date.now(), restoredAt: Date.now(), evidence: [] };
      },
    },
  });
  await temporal.deploy(activities, async ({ handle, until }) => {
    await until((status) => status.rollback?.round === 1);
    await handle.signal(messages.retryRollback, { by: 'ana' });
    await until((status) => status.rollback?.round === 2);
    for (let asks = 0; asks < 30; asks += 1) await handle.signal(messages.retryRollback, { by: 'ana' });
    const during = await until((status) => status.rollback?.retriesAsked === 31);
    expect(during.rollback?.round).toBe(2);
    release();
    // What was asked during the second round is not lost: the third begins without a pause.
    expect((await rolledBack(handle)).report.rollback?.round).toBe(3);
    expect(asked.filter((one) => one.startsWith('restore'))).toEqual(['restore 1', 'restore 2', 'restore 3']);
  });
});

const HOPELESS = 'the metrics cannot be read';

/** A rollback that brings the traffic back and can never prove blue. */
function unprovable(restoreTraffic?: Activities['restoreTraffic']): Script {
  return {
    plan: (plan) => ({ ...approvedByItself(plan), rollback: { ...plan.rollback, pauseMs: 3_600_000 } }),
    watch: () => ({ verdict: 'breached', reason: 'bad' }),
    activities: {
      verifyRecovery: async ({ round }) => {
        if (round > 1) return untilCancelled();
        throw ApplicationFailure.nonRetryable(HOPELESS, FAILURE.NotInEffect);
      },
      ...(restoreTraffic ? { restoreTraffic } : {}),
    },
  };
}

test('invariant 7: a named person may accept blue unproven, with the traffic read back on it; the guard still runs', async () => {
  const { activities, asked } = world(unprovable());
  await temporal.deploy(activities, async ({ handle, until }) => {
    await until(({ rollback }) => rollback?.round === 2 && rollback.restoredRound === 2);
    const decision = { action: 'acceptRecovery', by: 'ana' } as const;
    await expect(handle.executeUpdate(messages.decide, { args: [decision] })).rejects.toMatchObject({
      cause: { message: expect.stringContaining('"reason" is missing') },
    });
    await handle.executeUpdate(messages.decide, { args: [{ ...decision, reason: 'the logs look well' }] });
    const { message, report } = await rolledBack(handle);
    expect(message).toContain("Blue's health is unproven; accepted by ana: the logs look well.");
    expect(message).not.toContain('Recovery took');
    expect(report.rollback).toMatchObject({
      round: 2,
      acceptance: { by: 'ana', reason: 'the logs look well', at: expect.any(Number) },
      recovered: { requests: 0, accepted: { by: 'ana', what: 'the logs look well' } },
    });
    expect(effects(asked).slice(-3)).toEqual(['restore 2', 'verify', 'guard']);
    await keepHistory('rolled-back-accepted', handle);
  });
});

/** A router whose proxies do not follow: green gets what it got before, 30 s later, and at the end. */
const unfollowed = async (): Promise<TrafficRestored & { readonly greenRuns: true }> => ({
  startedAt: Date.now() - 31_000,
  restoredAt: Date.now() - 30_000,
  readBack: true,
  greenLeft: { requests: 298, all: 600, ms: 10_000, at: Date.now() },
  greenRuns: true,
  evidence: [],
});
const LEFT = /reen still got 298 of 600 requests \(49\.7 %\) in 10 s, \d+ s after the router sent all traffic to blue/;

test('invariant 7: people know at once that green keeps its requests after the rollback, and the outcome and the report say so to the end', async () => {
  const notified: [string, string][] = [];
  const script = unprovable(unfollowed);
  const notify: Activities['notify'] = async ({ event, text }) => void notified.push([`${event}`, text]);
  const { activities } = world({ ...script, activities: { ...script.activities, notify } });
  await temporal.deploy(activities, async ({ handle, until }) => {
    const { rollback } = await until((status) => status.rollback?.restoredRound === 2);
    expect(rollback?.restored?.greenLeft?.requests).toBe(298);
    await handle.signal(messages.acceptRecovery, { by: 'ana', reason: 'the logs look well' });
    const { message, report } = await rolledBack(handle);
    expect(message).toMatch(LEFT);
    expect(message).toContain('so it was not stopped.');
    expect(report.rollback?.restored?.greenLeft).toMatchObject({ requests: 298, all: 600 });
    const stalled = notified.filter(([event]) => event === 'rollback-stalled').map(([, text]) => text);
    expect(stalled).toHaveLength(2); // the second is the end of the round
    expect(stalled[0]).toMatch(/^The rollback of .* is not in effect: green still got 298 of 600 requests/);
    expect(stalled[0]).toMatch(LEFT);
    expect(notified.at(-1)).toEqual(['rolled-back', expect.stringMatching(LEFT)]);
    await keepHistory('rolled-back-accepted-green-left', handle);
  });
});

test('a few requests that green still got notify nobody early, and are not in the outcome once green is stopped', async () => {
  const notified: string[] = [];
  let restores = 0;
  const { activities } = world({
    watch: () => ({ verdict: 'breached', reason: 'bad' }),
    activities: {
      restoreTraffic: async () => {
        restores += 1;
        const restored = await unfollowed();
        if (restores === 1) return { ...restored, greenLeft: { requests: 9, all: 600, ms: 10_000, at: Date.now() } };
        const { greenLeft: _, greenRuns: __, ...stopped } = restored;
        return stopped;
      },
      notify: async ({ text }) => void notified.push(text),
    },
  });
  await temporal.deploy(activities, async ({ handle }) => {
    const { message, report } = await rolledBack(handle);
    expect(message).not.toContain('still got');
    expect(report.rollback?.restored?.greenLeft).toBeUndefined();
    expect(notified.join()).not.toContain('still got');
  });
});

test('invariant 7: accepted while it is stalled, the rollback reads the traffic back once more before it ends', async () => {
  const never = { verifyRecovery: () => Promise.reject(ApplicationFailure.nonRetryable(HOPELESS)) };
  const { activities, asked } = world({ ...unprovable(), activities: never });
  await temporal.deploy(activities, async ({ handle, until }) => {
    // Its pause is long by then.
    await until(({ phase, rollback }) => phase === 'rollback-stalled' && rollback?.round === 4);
    await handle.signal(messages.acceptRecovery, { by: 'ana', reason: 'the logs look well' });
    const { report } = await rolledBack(handle);
    expect(report.rollback?.recovered?.accepted?.by).toBe('ana');
    expect(effects(asked).slice(-4)).toEqual(['restore 4', 'verify', 'restore 5', 'guard']);
    await keepHistory('rolled-back-accepted-stalled', handle);
  });
});

test('invariant 7: what was accepted no longer holds when the traffic moves', async () => {
  const script = unprovable();
  const { activities } = world({
    ...script,
    activities: {
      ...script.activities,
      guardTraffic: async ({ round }) => (round === 2 ? { moved: 'The traffic moved: 2.5.0 100 %.' } : {}),
    },
  });
  await temporal.deploy(activities, async ({ handle, until }) => {
    await until(({ rollback }) => rollback?.restoredRound === 2);
    await handle.signal(messages.acceptRecovery, { by: 'ana', reason: 'the logs look well' });
    const { rollback } = await until((status) => status.rollback?.restoredRound === 3);
    expect(rollback).toMatchObject({ round: 3, notices: ['The traffic moved: 2.5.0 100 %.'] });
    expect(rollback?.acceptance).toBeUndefined();
    expect(rollback?.recovered).toBeUndefined();
  });
});

test.each<[string, Activities['restoreTraffic'], string]>([
  [
    'was not read back',
    () => Promise.reject(ApplicationFailure.nonRetryable('exit code 3', FAILURE.CommandFailed)),
    'it is not read back yet that blue has all the traffic (exit code 3); run the rollback command by hand or fix it, then retryRollback',
  ],
  [
    'cannot be read back',
    async () => ({ startedAt: Date.now(), restoredAt: Date.now(), evidence: [] }),
    'the router cannot report the traffic, so it was not read back that blue has all of it; make the metrics readable, and the rollback ends when blue is proven healthy',
  ],
])('invariant 7: nobody can accept blue while the traffic %s', async (_, restoreTraffic, why) => {
  const { activities } = world(unprovable(restoreTraffic));
  await temporal.deploy(activities, async ({ handle, untilPhase }) => {
    await untilPhase('rollback-stalled');
    await expect(
      handle.executeUpdate(messages.decide, { args: [{ action: 'acceptRecovery', by: 'ana', reason: 'it is well' }] }),
    ).rejects.toMatchObject({ cause: { message: why } });
  });
});

test('invariant 7: traffic that moves after the rollback is set right again and reported', async () => {
  const { activities, asked } = world({
    plan: approvedByItself,
    watch: () => ({ verdict: 'breached', reason: 'bad' }),
    activities: {
      guardTraffic: async ({ round }) => (round === 1 ? { moved: 'The traffic moved: 2.5.0 100 %.' } : {}),
    },
  });
  await temporal.deploy(activities, async ({ handle }) => {
    const { report } = await rolledBack(handle);
    expect(report.rollback?.notices).toEqual(['The traffic moved: 2.5.0 100 %.']);
    expect(asked.filter((one) => one.startsWith('restore'))).toEqual(['restore 1', 'restore 2']);
    await keepHistory('traffic-moved', handle);
  });
});

test('traffic that somebody else moves during a soak is set right, and people are notified once, and again if it goes on', async () => {
  const notified: string[] = [];
  const again: (number | undefined)[] = [];
  const moved = { found: '2.4.0 100 %, 2.5.0 0 %', by: 'HTTPRoute shop/rec was changed by "argocd-controller"' };
  const { activities } = world({
    plan: (plan) => ({ ...approvedByItself(plan), watch: { ...plan.watch, maxSoakFactor: 1_000 } }),
    activities: {
      watchWindow: async (input) => ({ ...(await healthyWindow(input)), ...(again.length < 5 && { moved }) }),
      shiftTraffic: async (input) => {
        again.push(input.again);
        return { shiftedAt: Date.now(), evidence: [] };
      },
      notify: async ({ severity, text }) => void notified.push(`${severity}: ${text}`),
    },
  });
  await temporal.deploy(activities, async ({ handle }) => {
    const report = await handle.result();
    expect(again).toEqual([undefined, 1, 2, 3, 4, undefined]);
    expect(notified.filter((text) => text.includes('moved the traffic'))).toEqual([
      expect.stringMatching(/^warning: .*while .* had 50 %: found 2\.4\.0 100 %, 2\.5\.0 0 %\. .*argocd-controller/),
      expect.stringMatching(/^critical: .*happened 3 times in this step/),
    ]);
    expect(report.steps[0]?.moved).toMatchObject({ ...moved, times: 4, setRightAt: expect.any(Number) });
    expect(report.steps[1]).not.toHaveProperty('moved');
  });
});

test('blue that still gets requests at 100 % extends the soak, and the outcome does not say that green serves all', async () => {
  const notified: string[] = [];
  const reason = 'blue still gets 50 % of the requests, although all traffic was sent to green';
  const { activities } = world({
    plan: approvedByItself,
    watch: ({ soak }) => (soak === 2 ? { verdict: 'inconclusive', code: 'blue-has-traffic', reason } : undefined),
    activities: { notify: async ({ severity, text }) => void notified.push(`${severity}: ${text}`) },
  });
  await temporal.deploy(activities, async ({ handle }) => {
    const report = await handle.result();
    expect(report.outcome).toBe('completed');
    expect(report.summary).toContain(`the router sends all traffic to it, but ${reason}.`);
    expect(report.steps[1]?.extended?.reason).toBe(reason);
    expect(notified).toEqual([
      expect.stringMatching(/^warning: .* is healthy, but the soak at 100 % goes on: blue still/),
    ]);
  });
});

test('traffic that could not be set right is not said to be', async () => {
  const moved = { found: '2.4.0 100 %, 2.3.0 0 %' };
  const { activities } = world({
    plan: approvedByItself,
    activities: {
      watchWindow: async (input) => ({ ...(await healthyWindow(input)), moved }),
      shiftTraffic: async ({ again }) => {
        if (again) throw ApplicationFailure.nonRetryable('green has 2.3.0, expected 2.5.0', FAILURE.CommandFailed);
        return { shiftedAt: Date.now(), evidence: [] };
      },
    },
  });
  await temporal.deploy(activities, async ({ handle }) => {
    const { report } = await rolledBack(handle);
    expect(report.steps[0]?.moved).toEqual({ ...moved, times: 1, at: expect.any(Number) });
  });
});

test('invariant 7: once a rollback has begun, no shift to green is begun again', async () => {
  const moved = { found: '2.4.0 100 %' };
  const { activities, asked } = world({
    plan: approvedByItself,
    watch: () => ({ verdict: 'breached', reason: 'bad', moved }),
  });
  await temporal.deploy(activities, async ({ handle }) => {
    await rolledBack(handle);
    expect(effects(asked)).toEqual(['deploy', 'shift 50', ...ROLLBACK]);
  });
});

test('cancelled while a worker is lost, before anything was deployed: closed as cancelled, not as timed out', async () => {
  let release = (): void => {};
  const lost = new Promise<never>((_, reject) => {
    release = () => reject(new Error('the test is over'));
  });
  const { activities } = world({ activities: { runCheck: () => lost }, checks: [CHECKS.critical] });
  await temporal.deploy(activities, async ({ handle, until }) => {
    await until(({ checks }) => checks.some(({ outcome }) => outcome === 'running'));
    await handle.cancel();
    const cancelled = await isCancelled(handle);
    release();
    expect(cancelled).toBe(true);
  });
});

test('people who cannot be told do not stop a rollback', async () => {
  const { activities } = world({
    plan: approvedByItself,
    watch: () => ({ verdict: 'breached', reason: 'bad' }),
    activities: {
      notify: async () => {
        throw ApplicationFailure.nonRetryable('no such host');
      },
    },
  });
  await temporal.deploy(activities, async ({ handle, status }) => {
    const { report } = await rolledBack(handle);
    expect(report.rollback?.recovered).toBeDefined();
    expect(report.undelivered).toEqual([
      {
        at: expect.any(Number),
        severity: 'critical',
        text: expect.stringMatching(/^Rolling back .*: bad$/),
        problem: 'no such host',
      },
      {
        at: expect.any(Number),
        severity: 'warning',
        text: expect.stringMatching(/ was rolled back to 2\.4\.0: bad\./),
        problem: 'no such host',
      },
    ]);
    expect((await status()).undelivered).toEqual(report.undelivered);
  });
});

test('a report that cannot be written changes nothing about the ending, is tried three times, and is said', async () => {
  let tries = 0;
  const { activities } = world({
    plan: approvedByItself,
    activities: {
      writeReport: async () => {
        tries += 1;
        throw new Error('ENOSPC: no space left on device, write');
      },
    },
  });
  await temporal.deploy(activities, async ({ handle, status }) => {
    expect(await handle.result()).toMatchObject({ outcome: 'completed' });
    expect(tries).toBe(3);
    const { phase, report } = await status();
    expect({ phase, report }).toEqual({
      phase: 'completed',
      report: { problem: 'ENOSPC: no space left on device, write' },
    });
    await keepHistory('completed-without-report', handle);
  });
});

test('a worker that is lost, or hangs, while it writes the report: another attempt writes it', async () => {
  let tries = 0;
  const { activities } = world({
    plan: approvedByItself,
    activities: {
      writeReport: async () => {
        tries += 1;
        if (tries === 1) await Context.current().cancelled; // nobody hears of this attempt any more
        return { where: 'reports/here' };
      },
    },
  });
  await temporal.deploy(activities, async ({ handle, status }) => {
    expect(await handle.result()).toMatchObject({ outcome: 'completed' });
    expect({ tries, report: (await status()).report }).toEqual({ tries: 2, report: { where: 'reports/here' } });
  });
});

test('neither an abort nor a cancellation while the report is written changes how the deployment ended', async () => {
  let release = (): void => {};
  const written = new Promise<void>((resolve) => (release = resolve));
  const { activities } = world({
    plan: approvedByItself,
    activities: {
      writeReport: async () => {
        await written;
        return { where: 'reports/here' };
      },
    },
  });
  await temporal.deploy(activities, async ({ handle, untilPhase, status }) => {
    await untilPhase('completed');
    const abort = handle.executeUpdate(messages.decide, { args: [{ action: 'abort', by: 'ana' }] });
    await expect(abort).rejects.toThrow();
    await handle.cancel();
    release();
    expect(await handle.result()).toMatchObject({ outcome: 'completed', decisions: [] });
    expect((await status()).report).toEqual({ where: 'reports/here' });
    await keepHistory('completed-cancelled-while-reporting', handle);
  });
});

function soaking<Plan extends { traffic: readonly { percentage: number; soakMs: number }[] }>(
  plan: Plan,
  soakMs: number,
): Plan {
  return { ...plan, traffic: plan.traffic.map((step) => ({ ...step, soakMs })) };
}

function approvedByItself<Plan extends { traffic: readonly { percentage: number; soakMs: number }[] }>(
  plan: Plan,
): Plan {
  return { ...plan, traffic: plan.traffic.map(({ percentage, soakMs }) => ({ percentage, soakMs })) };
}

async function unusable(): Promise<never> {
  throw ApplicationFailure.nonRetryable('The metrics have no label "version".', FAILURE.MetricsUnusable);
}

async function refusing(): Promise<never> {
  throw ApplicationFailure.nonRetryable('it failed with exit code 3', FAILURE.CommandFailed);
}
