import { expect, test } from '@jest/globals';
import { FAILURE } from '../../src/domain/errors.ts';
import type { PlannedCheck } from '../../src/domain/plan.ts';
import { isStuck } from '../../src/domain/status.ts';
import * as messages from '../../src/workflows/messages.ts';
import { keepHistory, rolledBack, useTemporal } from '../support/temporal.ts';
import { CHECKS, effects, failed, passed, untilCancelled, world } from '../support/world.ts';

const temporal = useTemporal();

const MENDABLE: PlannedCheck = { ...CHECKS.critical, remedy: { automatic: false, timeoutMs: 10_000 } };
const SELF_MENDING: PlannedCheck = { ...CHECKS.critical, remedy: { automatic: true, timeoutMs: 10_000 } };

test('a failed check waits in sight until it is fixed and rechecked; only what has not passed runs again', async () => {
  let fixed = false;
  const { activities, asked } = world({
    checks: [CHECKS.critical, CHECKS.ordinary],
    activities: { runCheck: async ({ checkId }) => (checkId === 'indexes' && !fixed ? failed('no index') : passed()) },
  });
  await temporal.deploy(activities, async ({ handle, until }) => {
    const waiting = await until(
      (status) => status.checks.some((check) => check.outcome === 'failed') && isStuck(status),
    );
    expect(waiting.waitingFor).toMatchObject({
      what: expect.stringContaining('no index') as never,
      until: expect.any(Number) as never,
    });
    expect(waiting.waitingFor?.unblockedBy).toBe('indexes: raise max_connections, or recheck, or abort');
    fixed = true;
    await handle.signal(messages.recheck, {});
    await until((status) => status.phase === 'soaking');
    expect(asked.filter((one) => one.startsWith('check'))).toEqual([
      'check indexes',
      'check pool-size',
      'check indexes',
    ]);
  });
});

test('a waiver passes a failed check that is not critical, with who and why; never a critical one', async () => {
  const { activities } = world({
    checks: [CHECKS.critical, CHECKS.ordinary],
    activities: { runCheck: async () => failed() },
  });
  await temporal.deploy(activities, async ({ handle, until }) => {
    await until(({ checks }) => checks.length > 0 && checks.every((check) => check.outcome === 'failed'));
    await handle.signal(messages.waive, { check: 'pool-size', by: 'ana', reason: 'known' });
    await handle.signal(messages.waive, { check: 'indexes', by: 'ana', reason: 'hurry' });
    const { checks, decisions, phase } = await until((status) => status.decisions.length === 2);
    expect(phase).toBe('checking');
    expect(checks.map((check) => check.outcome)).toEqual(['failed', 'waived']);
    expect(checks[1]?.decidedBy).toMatchObject({ by: 'ana', reason: 'known' });
    expect(decisions[1]).toMatchObject({ taken: false, why: 'indexes is critical: it cannot be waived, only fixed' });
    const refused = handle.executeUpdate(messages.decide, {
      args: [{ action: 'waive', check: 'indexes', by: 'ana', reason: 'hurry' }],
    });
    await expect(refused).rejects.toMatchObject({ cause: { message: expect.stringContaining('critical') as never } });
  });
});

test('a checklist that is not passed in its time closes the deployment as failed, nothing changed', async () => {
  const { activities, asked } = world({
    checks: [CHECKS.critical],
    activities: { runCheck: async () => failed('no index') },
    plan: (plan) => ({ ...plan, checklist: { ...plan.checklist, timeoutMs: 500 } }),
  });
  await temporal.deploy(activities, async ({ handle }) => {
    const { type, message } = await rolledBack(handle);
    expect(type).toBe(FAILURE.ChecklistFailed);
    expect(message).toContain('no index');
    expect(effects(asked)).toEqual([]);
    await keepHistory('checklist-failed', handle);
  });
});

test('what cannot be measured is told apart from what failed, waits as well, and runs no remedy', async () => {
  let away = true;
  const { activities, asked } = world({
    checks: [SELF_MENDING],
    activities: {
      runCheck: async () => (away ? { ...failed('the database is away'), unmeasured: true } : passed()),
    },
  });
  await temporal.deploy(activities, async ({ handle, until, untilPhase }) => {
    const { checks, waitingFor } = await until(isStuck);
    expect(checks[0]?.outcome).toBe('unmeasured');
    expect(waitingFor?.what).toContain('the database is away');
    away = false;
    await handle.signal(messages.recheck, { by: 'ana' });
    await untilPhase('soaking');
    expect(asked.filter((one) => one.startsWith('remedy'))).toEqual([]);
  });
});

test('an automatic remedy runs once by itself when its check fails, and the check is measured again', async () => {
  let fixed = false;
  const { activities, asked } = world({
    checks: [SELF_MENDING],
    activities: {
      runCheck: async () => (fixed ? passed() : failed('no index')),
      runRemedy: async () => {
        fixed = true;
        return { done: true, summary: 'built', output: 'CREATE INDEX', startedAt: 1, durationMs: 7 };
      },
    },
  });
  await temporal.deploy(activities, async ({ handle, untilPhase }) => {
    const { checks } = await untilPhase('awaiting-approval');
    expect(asked.slice(0, 3)).toEqual(['check indexes', 'remedy indexes', 'check indexes']);
    expect(checks[0]).toMatchObject({
      outcome: 'passed',
      remedies: [{ by: 'the runbook', done: true, summary: 'built', output: 'CREATE INDEX', durationMs: 7 }],
    });
    await handle.signal(messages.approve, { by: 'ana' });
    await handle.result();
    await keepHistory('completed-remedied', handle);
  });
});

test('an automatic remedy that does not help is not tried again by itself', async () => {
  const { activities, asked } = world({ checks: [SELF_MENDING], activities: { runCheck: async () => failed() } });
  await temporal.deploy(activities, async ({ handle, until, status }) => {
    await until(isStuck);
    await handle.signal(messages.recheck, { by: 'ana' });
    await until((now) => now.rechecksAsked === 1 && isStuck(now));
    expect(asked).toEqual(['check indexes', 'remedy indexes', 'check indexes', 'check indexes']);
    expect((await status()).checks[0]?.remedies).toHaveLength(1);
  });
});

test('a remedy that is not automatic runs when a person says so, under that name; nothing else does', async () => {
  let fixed = false;
  const { activities, asked } = world({
    checks: [MENDABLE, CHECKS.ordinary],
    activities: {
      runCheck: async ({ checkId }) => (checkId === 'indexes' && fixed ? passed() : failed()),
      runRemedy: async () => {
        fixed = true;
        return { done: true, summary: 'restarted', startedAt: 1, durationMs: 7 };
      },
    },
  });
  await temporal.deploy(activities, async ({ handle, until }) => {
    const waiting = await until(isStuck);
    expect(asked).toEqual(['check indexes', 'check pool-size']);
    expect(waiting.waitingFor?.unblockedBy).toContain('recheck with its remedy');

    const decide = (rest: object) =>
      handle.executeUpdate(messages.decide, { args: [{ action: 'recheck', by: 'ana', ...rest }] });
    for (const [rest, why] of [
      [{ check: 'pool-size', remedy: true }, 'the runbook names no remedy for pool-size'],
      [{ check: 'nothing', remedy: true }, 'there is no check "nothing"'],
      [{ by: undefined, remedy: true }, '"by" is missing'],
      [{ remedy: 'yes' }, 'expected true or false'],
    ] as const)
      await expect(decide(rest)).rejects.toMatchObject({ cause: { message: expect.stringContaining(why) as never } });

    await decide({ check: 'indexes', remedy: true });
    const after = await until((now) => now.checks[0]?.outcome === 'passed' && isStuck(now));
    expect(asked.slice(2)).toEqual(['check indexes', 'remedy indexes', 'check indexes']);
    expect(after.checks[0]?.remedies).toMatchObject([{ by: 'ana', done: true, summary: 'restarted' }]);
    expect(after.checks[1]?.remedies).toBeUndefined();
  });
});

test('a remedy that fails leaves its check failed, with what stood in the way in sight', async () => {
  const { activities } = world({
    checks: [SELF_MENDING],
    activities: {
      runCheck: async () => failed(),
      runRemedy: async () => ({ done: false, summary: 'exit code 3', startedAt: 1, durationMs: 7 }),
    },
  });
  await temporal.deploy(activities, async ({ until }) => {
    const { checks } = await until(isStuck);
    expect(checks[0]).toMatchObject({ outcome: 'failed', remedies: [{ done: false, summary: 'exit code 3' }] });
  });
});

test('a recheck reaches its group at once, while a long check of another group goes on', async () => {
  let fixed = false;
  const { activities, asked } = world({
    checks: [CHECKS.critical, { ...CHECKS.ordinary, id: 'long', group: 'Testing' }],
    activities: {
      runCheck: async ({ checkId }) => {
        if (checkId === 'long') return untilCancelled();
        return fixed ? passed() : failed();
      },
    },
  });
  await temporal.deploy(activities, async ({ handle, until }) => {
    await until(({ checks }) => checks[0]?.outcome === 'failed');
    fixed = true;
    await handle.signal(messages.recheck, { check: 'indexes', by: 'ana' });
    const { checks } = await until((now) => now.checks[0]?.outcome === 'passed');
    expect(checks[1]?.outcome).toBe('running');
    expect(asked.filter((one) => one === 'check long')).toHaveLength(1);
    await handle.signal(messages.abort, { by: 'ana' });
    expect((await rolledBack(handle)).type).toBe(FAILURE.ChecklistFailed);
  });
});

test('a recheck of what is being measured counts from its end, if it does not pass', async () => {
  const measuring: (() => void)[] = [];
  const { activities } = world({
    checks: [CHECKS.critical],
    activities: {
      runCheck: async () => {
        const number = measuring.length;
        await new Promise<void>((resolve) => measuring.push(resolve));
        return number === 0 ? failed() : passed();
      },
    },
  });
  await temporal.deploy(activities, async ({ handle, until, untilPhase }) => {
    await until(() => measuring.length === 1);
    await handle.signal(messages.recheck, { by: 'ana' });
    await until((now) => now.rechecksAsked === 1);
    measuring[0]?.();
    await until(() => measuring.length === 2);
    measuring[1]?.();
    await untilPhase('soaking');
  });
});

test('before the first shift the cheap checks are proven again, and green for the first time', async () => {
  const cheap: PlannedCheck = { ...CHECKS.critical, again: true };
  const ofGreen: PlannedCheck = { ...CHECKS.ordinary, id: 'warm', title: 'Green is warm', group: 'Green' };
  const { activities, asked } = world({
    checks: [cheap, CHECKS.ordinary, CHECKS.person],
    plan: (plan) => ({ ...plan, verifyGreen: [ofGreen] }),
  });
  await temporal.deploy(activities, async ({ handle, until, untilPhase }) => {
    await until(isStuck);
    await handle.signal(messages.attest, { check: 'load-test', by: 'ana' });
    const { checks } = await untilPhase('awaiting-approval');
    const order = asked.filter((one) => /check|deploy|shift/.test(one));
    expect(order.slice(0, 2)).toEqual(['check indexes', 'check pool-size']);
    expect(order[2]).toBe('deploy');
    expect(order.slice(3, 5).sort()).toEqual(['check indexes', 'check warm']);
    expect(order[5]).toBe('shift 50');
    expect(checks.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual([
      'indexes passed',
      'pool-size passed',
      'load-test attested',
      'warm passed',
    ]);
    await handle.signal(messages.approve, { by: 'ana' });
    await handle.result();
    await keepHistory('completed-proven-again', handle);
  });
});

test('what fails before the first shift waits for a person as well; no traffic moves, and abort rolls back', async () => {
  const { activities, asked } = world({
    checks: [{ ...CHECKS.critical, again: true }],
    activities: { runCheck: async ({ greenIsUp }) => (greenIsUp ? failed('the index is gone') : passed()) },
  });
  await temporal.deploy(activities, async ({ handle, until }) => {
    const waiting = await until((now) => now.deployedAt !== undefined && isStuck(now));
    expect(waiting).toMatchObject({ phase: 'checking', greenPercentage: 0 });
    expect(waiting.waitingFor?.what).toContain('the index is gone');
    await handle.signal(messages.abort, { by: 'ana', reason: 'not today' });
    const { type, report } = await rolledBack(handle);
    expect(type).toBe(FAILURE.DeploymentRolledBack);
    expect(report.rollback?.cause).toBe('aborted');
    expect(effects(asked)).toEqual(['deploy', 'restore 1', 'verify', 'guard']);
    await keepHistory('aborted-proving-again', handle);
  });
});

test('what is not set right before the first shift in the time of the checklist ends in the rollback', async () => {
  const { activities, asked } = world({
    checks: [{ ...CHECKS.critical, again: true }],
    activities: { runCheck: async ({ greenIsUp }) => (greenIsUp ? failed('the index is gone') : passed()) },
    plan: (plan) => ({ ...plan, checklist: { ...plan.checklist, timeoutMs: 1_000 } }),
  });
  await temporal.deploy(activities, async ({ handle }) => {
    const { type, message } = await rolledBack(handle);
    expect(type).toBe(FAILURE.DeploymentRolledBack);
    expect(message).toContain('the index is gone');
    expect(effects(asked)).toEqual(['deploy', 'restore 1', 'verify', 'guard']);
  });
});

test('a deployment of the checklist only ends when that is passed, and changes nothing', async () => {
  const { activities, asked } = world({ checks: [CHECKS.critical, CHECKS.ordinary] });
  await temporal.deploy(
    activities,
    async ({ handle }) => {
      const report = await handle.result();
      expect(report.outcome).toBe('completed');
      expect(report.summary).toMatch(
        /^The checklist for service-\w+ 2\.5\.0 in production is passed\. Nothing was deployed\.$/,
      );
      expect(asked).toEqual(['check indexes', 'check pool-size', 'report completed']);
      await keepHistory('completed-checklist-only', handle);
    },
    { checklistOnly: true },
  );
});
