import { expect, test } from '@jest/globals';
import type { Notification } from '../../src/domain/notification.ts';
import type { CheckResult, PlannedCheck } from '../../src/domain/plan.ts';
import { toReportView } from '../../src/report/view-model.ts';
import * as messages from '../../src/workflows/messages.ts';
import { rolledBack, useTemporal } from '../support/temporal.ts';
import { CHECKS, failed, passed, world } from '../support/world.ts';

const temporal = useTemporal();

const PROMISE =
  'A rollback moves traffic back to 2.4.0; the schema stays as the forward-only migration of 2.5.0 left it (0043_split_name); 2.4.0 must work on it';
const STAYS =
  'The schema stays as the forward-only migration of 2.5.0 left it (0043_split_name); 2.4.0 must work on it.';

const MIGRATIONS: PlannedCheck = {
  ...CHECKS.ordinary,
  id: 'migrations',
  again: true,
  remedy: { automatic: true, timeoutMs: 10_000 },
};

/** A list of pending migrations names the forward-only one until the remedy has run it. */
function migrating(named: Partial<CheckResult>) {
  const told: Notification[] = [];
  let pending = true;
  const scene = world({
    checks: [MIGRATIONS],
    activities: {
      runCheck: async () => (pending ? { ...failed('pending'), ...named } : passed('nothing pending')),
      runRemedy: async () => {
        pending = false;
        return { done: true, summary: 'migrated', startedAt: Date.now(), durationMs: 1 };
      },
      notify: async (notification) => {
        told.push(notification);
      },
    },
  });
  return { ...scene, told };
}

test('everybody knows before the gate what a rollback leaves in place, also after the migration ran', async () => {
  const { activities, told, asked } = migrating({ forwardOnly: ['0043_split_name'] });
  await temporal.deploy(activities, async ({ handle, untilPhase }) => {
    const gate = await untilPhase('awaiting-approval');
    expect(gate.checks[0]).toMatchObject({
      outcome: 'passed',
      result: { summary: 'nothing pending', forwardOnly: ['0043_split_name'] },
    });
    expect(gate.waitingFor?.unblockedBy).toBe(`approve, reject or abort; no answer in time rolls back. ${PROMISE}`);
    const metadata = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(metadata.currentDetails.replaceAll('\\', '')).toContain(`**Forward-only:** ${PROMISE}.`);
    const { service } = gate;
    expect(told.map(({ severity, text }) => [severity, text])).toEqual([
      ['warning', `${service} 2.5.0 in production has forward-only migrations. ${PROMISE}.`],
      ['info', `${service} 2.5.0 is healthy at 50 % and waits for approval. ${PROMISE}.`],
    ]);
    expect(asked.indexOf('notify warning')).toBeLessThan(asked.indexOf('shift 50'));

    await handle.signal(messages.reject, { by: 'ana', reason: 'not today' });
    const { message, report } = await rolledBack(handle);
    expect(message).toMatch(/^.* was rolled back to 2\.4\.0: Rejected by ana: not today\..* The schema stays as the /);
    expect(message.endsWith(STAYS)).toBe(true);
    expect(told.filter(({ severity }) => severity === 'critical').map(({ text }) => text)).toEqual([
      expect.stringMatching(
        /^Rolling back .* Note: the schema stays as .*\(0043_split_name\); 2\.4\.0 must work on it\.$/,
      ),
    ]);
    expect(toReportView({ ...report, deployment: 'd', series: [] }).facts).toContainEqual(['Schema', `${PROMISE}.`]);
  });
});

test('where all migrations are reversible nobody is told of any', async () => {
  const { activities, told } = migrating({});
  await temporal.deploy(activities, async ({ handle, untilPhase }) => {
    const gate = await untilPhase('awaiting-approval');
    expect(gate.waitingFor?.unblockedBy).toBe('approve, reject or abort; no answer in time rolls back');
    await handle.signal(messages.approve, { by: 'ana', gate: 'shift-to-100' });
    expect((await handle.result()).outcome).toBe('completed');
    expect(told.map(({ text }) => text).join()).not.toMatch(/forward-only|schema/);
  });
});
