import { expect, test } from '@jest/globals';
import type { Notification } from '../../src/domain/notification.ts';
import { NOTIFICATION_EVENTS, type NotificationEvent } from '../../src/domain/notification-events.ts';
import type { DeploymentPlan } from '../../src/domain/plan.ts';
import * as messages from '../../src/workflows/messages.ts';
import { rolledBack, useTemporal } from '../support/temporal.ts';
import { CHECKS, failed, passed, type Script, world } from '../support/world.ts';

const temporal = useTemporal();

function listening({ plan = (same) => same, activities, ...script }: Script, asked?: readonly NotificationEvent[]) {
  const sent: Notification[] = [];
  const withEvents = ({ notificationEvents: _, ...rest }: DeploymentPlan) =>
    plan({ ...rest, ...(asked && { notificationEvents: asked }) });
  const notify = async (notification: Notification) => void sent.push(notification);
  return { sent, ...world({ ...script, plan: withEvents, activities: { ...activities, notify } }) };
}

const twoApprovals = (plan: DeploymentPlan): DeploymentPlan => ({
  ...plan,
  traffic: plan.traffic.map((step) => ({
    ...step,
    ...(step.approval && { approval: { ...step.approval, required: 2 } }),
  })),
});

test('each moment that a channel asks for is sent once, with what happened and what is needed', async () => {
  let fixed = false;
  const { sent, activities } = listening(
    {
      plan: twoApprovals,
      checks: [CHECKS.critical],
      activities: { runCheck: async () => (fixed ? passed() : failed('no index')) },
    },
    NOTIFICATION_EVENTS,
  );
  await temporal.deploy(activities, async ({ handle, until, untilPhase }) => {
    await until(({ checks }) => checks.some(({ outcome }) => outcome === 'failed'));
    fixed = true;
    await handle.signal(messages.recheck, {});
    const { service } = await untilPhase('awaiting-approval');
    await handle.signal(messages.approve, { by: 'ana', reason: 'looks good' });
    await handle.signal(messages.approve, { by: 'ana' }); // does not count
    await handle.signal(messages.approve, { by: 'ben' });
    await handle.result();
    const release = `${service} 2.5.0`;
    expect(sent.map(({ event, text }) => [event, text])).toEqual([
      ['started', expect.stringContaining(`Deploying ${release} to production`)],
      [
        'check-waits',
        `${release} in production waits for people: indexes: no index. To go on: indexes: raise max_connections, or recheck, or abort.`,
      ],
      ['shifted', `${release} has 50 % of the traffic in production and is watched for 0.3 s.`],
      ['gate-opened', `${release} is healthy at 50 % and waits for approval.`],
      ['approved', `ana approved shift-to-100 of ${release} in production: looks good. Still needed: 1.`],
      ['approved', `ben approved shift-to-100 of ${release} in production. Every approval is there.`],
      ['shifted', `${release} has 100 % of the traffic in production and is watched for 0.3 s.`],
      ['completed', `${release} serves all traffic in production and kept its limits to the end.`],
    ]);
  });
});

test('what no channel asks for is not sent, but for what people have to know', async () => {
  const { sent, activities } = listening({}, ['rejected']);
  await temporal.deploy(activities, async ({ handle, untilPhase }) => {
    await untilPhase('awaiting-approval');
    await handle.signal(messages.reject, { by: 'ana', reason: 'wrong version' });
    await rolledBack(handle);
    expect(sent.map(({ event }) => event)).toEqual(['gate-opened', 'rejected', 'rolling-back', 'rolled-back']);
    expect(sent[1]?.text).toMatch(
      /^ana rejected shift-to-100 of .* in production: wrong version\. It is rolled back\.$/,
    );
    expect(sent[3]?.text).toMatch(/Recovery took .* \(target 90\.0 s\)/);
  });
});

test('a refusal is sent: nothing was deployed', async () => {
  const { sent, activities } = listening(
    { checks: [CHECKS.critical], activities: { runCheck: async () => failed() } },
    ['refused'],
  );
  await temporal.deploy(activities, async ({ handle, until }) => {
    await until(({ checks }) => checks.some(({ outcome }) => outcome === 'failed'));
    await handle.signal(messages.abort, { by: 'ana', reason: 'not today' });
    await handle.result().catch(() => {});
    expect(sent).toMatchObject([{ event: 'refused', text: expect.stringContaining('not today') as never }]);
  });
});

test('a deployment that began before events had names sends what it sent then', async () => {
  const { sent, activities } = listening({});
  await temporal.deploy(activities, async ({ handle, untilPhase }) => {
    await untilPhase('awaiting-approval');
    await handle.signal(messages.approve, { by: 'ana' });
    await handle.result();
    expect(sent.map(({ severity }) => severity)).toEqual(['info']);
    expect(Object.keys(sent[0] ?? {}).toSorted()).toEqual(['severity', 'target', 'text']);
  });
});
