import { expect, test } from '@jest/globals';
import type { Dependencies } from '../../src/activities/dependencies.ts';
import { notify } from '../../src/activities/notify.ts';
import * as messages from '../../src/workflows/messages.ts';
import { useServers } from '../support/http.ts';
import { registry } from '../support/registry.ts';
import { useTemporal } from '../support/temporal.ts';
import { world } from '../support/world.ts';
import { receiver } from './support.ts';

const temporal = useTemporal();
const serve = useServers();

test('a deployment whose pager is down completes, the report names it, and the thread of another channel goes on', async () => {
  const slack = receiver(() => ({ body: { ok: true, ts: '17.1', channel: 'C1' } }));
  const pager = receiver(() => ({ status: 503 }));
  const { origin: url } = await serve(slack.listener);
  const env = { SLACK: 'xoxb-hunter2', PAGER: `${(await serve(pager.listener)).origin}/hunter2` };
  const notifications = [
    { kind: 'webhook', urlEnv: 'PAGER', events: ['gate-opened'] },
    { kind: 'slack', tokenEnv: 'SLACK', channel: 'C1', url, events: ['gate-opened', 'completed'] },
  ];
  // What the activity needs: the rest of a runbook is not read.
  const runbooks = { pinnedOrCurrent: async () => ({ runbook: { notifications } }) };
  const dependencies = { runbooks, registry, env } as unknown as Dependencies;
  const { activities } = world({
    plan: (plan) => ({ ...plan, notificationEvents: ['gate-opened', 'completed'] }),
    activities: { notify: notify(dependencies) },
  });
  await temporal.deploy(activities, async ({ handle, until, untilPhase }) => {
    const { service } = await untilPhase('awaiting-approval');
    const { undelivered } = await until((status) => status.undelivered !== undefined);
    expect(undelivered).toMatchObject([
      {
        severity: 'info',
        text: `${service} 2.5.0 is healthy at 50 % and waits for approval.`,
        problem: expect.stringContaining(
          'notification 1 of 2 (webhook): the webhook in PAGER answered with HTTP status 503',
        ) as never,
      },
    ]);
    await handle.signal(messages.approve, { by: 'ana' });
    const report = await handle.result();
    expect(report.outcome).toBe('completed');
    expect(report.undelivered).toEqual(undelivered);
    expect(JSON.stringify(await handle.query(messages.status))).not.toContain('hunter2');
    expect(slack.received.map(({ to, body }) => [to, body['thread_ts'] ?? body['ts']])).toEqual([
      ['POST /api/chat.postMessage', undefined],
      ['POST /api/chat.update', '17.1'],
      ['POST /api/chat.postMessage', '17.1'],
    ]);
  });
});
