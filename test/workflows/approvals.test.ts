import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type WorkflowHandle, WorkflowUpdateFailedError } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { confirmApprovals } from '../../src/activities/confirm-approvals.ts';
import type { Notification } from '../../src/domain/notification.ts';
import type { Approval, DeploymentPlan } from '../../src/domain/plan.ts';
import { openGate } from '../../src/domain/status.ts';
import { readPrincipals } from '../../src/temporal/principals.ts';
import * as messages from '../../src/workflows/messages.ts';
import { PATIENCE_MS } from '../support/patience.ts';
import { keepHistory, rolledBack, testAddress, useTemporal } from '../support/temporal.ts';
import { effects, world } from '../support/world.ts';

const temporal = useTemporal();

function asking(approval: Partial<Approval>): (plan: DeploymentPlan) => DeploymentPlan {
  return (plan) => ({
    ...plan,
    traffic: [
      {
        percentage: 50,
        soakMs: 100,
        approval: { required: 1, timeoutMs: PATIENCE_MS, onTimeout: 'rollback', ...approval },
      },
      { percentage: 100, soakMs: 600 },
    ],
  });
}

/** Why the update was refused. */
async function refused(handle: WorkflowHandle, by: string): Promise<string> {
  const error = await handle
    .executeUpdate(messages.decide, { args: [{ action: 'approve', by }] })
    .catch((thrown: unknown) => thrown);
  if (!(error instanceof WorkflowUpdateFailedError)) throw new Error(`expected a refusal, found ${String(error)}`);
  return error.cause?.message ?? '';
}

test('only people on the list may approve, and not the one who requested the deployment', async () => {
  const { activities } = world({ plan: asking({ approvers: ['Ana', 'ben', 'carl'], notRequester: true }) });
  const body: Parameters<typeof temporal.deploy>[1] = async ({ handle, untilPhase, status }) => {
    const { waitingFor } = await untilPhase('awaiting-approval');
    expect(waitingFor?.what).toBe('1 approval from Ana or ben for shift-to-100');

    expect(await refused(handle, 'dora')).toBe('dora is not on the list of approvers of shift-to-100: Ana, ben, carl');
    expect(await refused(handle, ' CARL ')).toBe(
      'CARL requested this deployment, and the runbook wants somebody else to approve shift-to-100 (notRequester)',
    );
    await handle.signal(messages.approve, { by: 'carl' });
    const { decisions } = await status();
    expect(decisions).toMatchObject([{ by: 'carl', taken: false, why: expect.stringContaining('notRequester') }]);

    await handle.signal(messages.approve, { by: 'ana' });
    const report = await handle.result();
    expect(report.steps[0]?.gate).toMatchObject({
      approvers: ['Ana', 'ben', 'carl'],
      notRequester: true,
      approvedBy: ['ana'],
    });
  };
  await temporal.deploy(activities, body, { requestedBy: 'Carl' });
});

test('a gate that waits stays open after its timeout, is watched, and people are reminded until it is decided', async () => {
  const reminders: Notification[] = [];
  const { activities, asked } = world({
    plan: (plan) => ({
      ...asking({ timeoutMs: 1, onTimeout: 'wait', remindEveryMs: 200 })(plan),
      watch: { ...plan.watch, gateWindowMs: 200 },
    }),
    activities: {
      notify: async (sent) => {
        if (sent.event === 'reminder') reminders.push(sent);
      },
    },
  });
  await temporal.deploy(activities, async ({ handle, untilPhase, until }) => {
    const { waitingFor } = await untilPhase('awaiting-approval');
    expect(waitingFor).toMatchObject({
      what: '1 approval for shift-to-100',
      unblockedBy: 'approve, reject or abort; without an answer the gate stays open',
    });
    expect(waitingFor?.until).toBeUndefined();
    const watched = asked.filter((one) => one === 'watch').length;
    await until(() => reminders.length >= 2 && asked.filter((one) => one === 'watch').length >= watched + 2);
    expect(reminders[0]).toMatchObject({
      severity: 'warning',
      text: expect.stringMatching(
        /^service-\S+ 2\.5\.0 in production waits since .* UTC for 1 approval of shift-to-100; without an answer the gate stays open\.$/,
      ),
    });

    await handle.executeUpdate(messages.decide, { args: [{ action: 'approve', by: 'ana' }] });
    const before = reminders.length;
    await handle.result(); // after a soak that is three times as long as the time between two reminders
    expect(reminders.length).toBeLessThanOrEqual(before + 1);
    await keepHistory('completed-reminded', handle);
  });
});

test('a gate that waits for ever is still rolled back when green breaches', async () => {
  let isBad = false;
  const { activities, asked } = world({
    plan: asking({ timeoutMs: 1, onTimeout: 'wait', remindEveryMs: PATIENCE_MS }),
    watch: () => (isBad ? { verdict: 'breached', reason: 'green fails' } : undefined),
  });
  await temporal.deploy(activities, async ({ handle, untilPhase }) => {
    await untilPhase('awaiting-approval');
    isBad = true;
    expect(await rolledBack(handle)).toMatchObject({ report: { rollback: { cause: 'breach' } } });
    expect(effects(asked)).toEqual(['deploy', 'shift 50', 'restore 1', 'verify', 'guard']);
  });
});

test('where the runbook asks for two rejections, one withdraws an approval and two people end it', async () => {
  const { activities } = world({ plan: asking({ required: 2, rejections: 2, approvers: ['ana', 'ben'] }) });
  await temporal.deploy(activities, async ({ handle, untilPhase, status }) => {
    await untilPhase('awaiting-approval');
    const decide = (action: 'approve' | 'reject', reason?: string) =>
      handle.executeUpdate(messages.decide, { args: [{ action, by: 'ana', ...(reason !== undefined && { reason }) }] });
    expect(await decide('approve')).toEqual({ taken: true, missing: '1 of 2 approvals of shift-to-100' });
    expect(await decide('reject', 'slower than yesterday')).toEqual({
      taken: true,
      missing: '1 of 2 rejections of shift-to-100; the deployment goes on until then, and abort ends it now',
    });
    expect(openGate(await status())).toMatchObject({ approvedBy: [], rejectedBy: ['ana'] });
    await handle.signal(messages.reject, { by: 'Ana' });
    expect((await status()).decisions.at(-1)).toMatchObject({
      taken: false,
      why: 'Ana rejected shift-to-100 already',
    });
    await handle.signal(messages.reject, { by: 'dora', reason: 'the dashboards' });
    expect(await rolledBack(handle)).toMatchObject({
      message: expect.stringContaining('Rejected by ana and dora: the dashboards.'),
      report: { rollback: { cause: 'rejected' } },
    });
  });
});

/** Release managers are in a file on the worker, which may change or be away. */
const groups = { folder: '', file: '' };
beforeAll(async () => {
  groups.folder = await mkdtemp(join(tmpdir(), 'bluegreen-groups-'));
  groups.file = join(groups.folder, 'groups.yaml');
});
afterAll(() => rm(groups.folder, { recursive: true, force: true }));

function writeGroups(...managers: readonly string[]): Promise<void> {
  return writeFile(groups.file, JSON.stringify({ groups: { managers } }));
}

function askingManagers() {
  const real = confirmApprovals({ env: { BLUEGREEN_GROUPS: groups.file } });
  return world({
    plan: asking({ required: 2, approvers: ['ana', 'group:managers'] }),
    activities: { confirmApprovals: real },
  });
}

test('a group is read when the decision is made: who joined since may approve, who is not in it is refused', async () => {
  await writeGroups('ben');
  const { activities, asked } = askingManagers();
  await temporal.deploy(activities, async ({ handle, untilPhase, status, until }) => {
    const { waitingFor } = await untilPhase('awaiting-approval');
    expect(waitingFor?.what).toBe('2 approvals from ana or the group managers for shift-to-100');
    const approve = (by: string) => handle.executeUpdate(messages.decide, { args: [{ action: 'approve', by }] });

    expect(await approve('ana')).toEqual({ taken: true, missing: '1 of 2 approvals of shift-to-100' });
    expect(asked).not.toContain('confirm'); // she is named
    expect(await approve('dora')).toEqual({
      taken: false,
      why: 'dora is neither on the list of approvers nor in managers',
    });
    expect((await status()).decisions.at(-1)).toMatchObject({ by: 'dora', taken: false });
    expect(await approve('group:managers')).toEqual({
      taken: false,
      why: 'group:managers is neither on the list of approvers nor in managers',
    });

    await writeGroups('ben', 'Dora');
    await handle.signal(messages.approve, { by: 'dora', reason: 'it looks good' });
    await until(({ phase }) => phase === 'completed');
    const { steps, decisions } = await handle.result();
    expect(steps[0]?.gate?.approvedBy).toEqual(['ana', 'dora']);
    expect(steps[0]?.gate?.pending).toBeUndefined();
    expect(decisions.at(-1)).toMatchObject({ by: 'dora', taken: true, reason: 'it looks good' });
    await keepHistory('completed-approved-by-group', handle);
  });
});

test('while the groups cannot be read, an approval is not lost, and the gate says why it waits', async () => {
  await rm(groups.file, { force: true });
  const { activities } = askingManagers();
  await temporal.deploy(activities, async ({ handle, untilPhase, until }) => {
    await untilPhase('awaiting-approval');
    await handle.signal(messages.approve, { by: 'ana' });
    const answer = handle.executeUpdate(messages.decide, { args: [{ action: 'approve', by: 'ben' }] });
    const { waitingFor } = await until((status) => openGate(status)?.pendingProblem !== undefined);
    expect(waitingFor?.what).toMatch(
      /^1 approval .* for shift-to-100; the approval by ben cannot be confirmed, and is tried again: .*groups\.yaml/,
    );
    await handle.signal(messages.approve, { by: 'Ben' });
    const { decisions } = await until((status) => status.decisions.length === 2);
    expect(decisions[1]?.why).toBe('the approval of shift-to-100 by Ben is being confirmed already');

    await writeGroups('ben');
    expect(await answer).toEqual({ taken: true });
    await handle.result();
  });
});

test('a flood of approvals in false names asks for few confirmations, and a rejection ends the gate at once', async () => {
  await writeGroups('ben');
  const { activities, asked } = askingManagers();
  await temporal.deploy(activities, async ({ handle, untilPhase, until }) => {
    await untilPhase('awaiting-approval');
    const pending = handle.executeUpdate(messages.decide, { args: [{ action: 'approve', by: 'nobody' }] });
    for (let number = 0; number < 100; number += 1) await handle.signal(messages.approve, { by: `bot ${number}` });
    const { forgottenDecisions, decisions } = await until(
      (status) => status.decisions.length + status.forgottenDecisions >= 80,
    );
    expect(decisions.some(({ taken }) => taken)).toBe(false);
    expect(forgottenDecisions).toBeGreaterThan(0);
    expect(asked.filter((one) => one === 'confirm').length).toBeLessThan(8);
    expect(await pending).toMatchObject({ taken: false });

    await handle.signal(messages.reject, { by: 'eve' });
    await rolledBack(handle);
  });
});

test('with identity: principal an approval counts only as a signal whose sender the server recorded', async () => {
  const connection = await NativeConnection.connect({ address: testAddress() });
  // The server of the tests authenticates nobody. Later it is as if it did.
  let sender: string | undefined;
  const real = confirmApprovals({
    env: {},
    principals: async (own, signalName) => {
      const { senders } = await readPrincipals({ connection, namespace: 'default' }, own, signalName);
      return { senders: senders.map((one, index) => (index === 0 || !sender ? one : { ...one, principal: sender })) };
    },
  });
  const { activities } = world({
    plan: asking({ identity: 'principal', approvers: ['ana', 'ben'] }),
    activities: { confirmApprovals: real },
  });
  try {
    await temporal.deploy(activities, async ({ handle, untilPhase, until }) => {
      await untilPhase('awaiting-approval');
      expect(await refused(handle, 'ana')).toContain('send the signal approve (approve --signal)');

      await handle.signal(messages.approve, { by: 'ana' });
      const first = await until(({ decisions }) => decisions.length === 1);
      expect(first.decisions[0]).toMatchObject({
        by: 'ana',
        taken: false,
        why: 'the server recorded no authenticated sender of the approval by ana, which identity: principal needs (docs/approvals.md)',
      });

      sender = 'ana';
      await handle.signal(messages.approve, { by: 'ben' });
      const second = await until(({ decisions }) => decisions.length === 2);
      expect(second.decisions[1]?.why).toBe('the approval in the name of ben was sent by ana');
      await handle.signal(messages.approve, { by: 'Ana' });
      expect((await handle.result()).steps[0]?.gate?.approvedBy).toEqual(['Ana']);
      await keepHistory('completed-approved-by-principal', handle);
    });
  } finally {
    await connection.close();
  }
});
