import { expect, test } from '@jest/globals';
import * as messages from '../../src/workflows/messages.ts';
import {
  keepHistory,
  observe,
  rolledBack,
  start,
  uniqueQueue,
  uniqueService,
  useTemporal,
} from '../support/temporal.ts';
import { effects, world } from '../support/world.ts';

/** What was sent before a worker was there is handled in the workflow's first step, before anything else. */

const temporal = useTemporal();
const request = () => ({ service: uniqueService(), version: '2.5.0' });

test('an abort that was sent before a worker was there counts: nothing is deployed', async () => {
  const queue = uniqueQueue();
  const handle = await start(temporal.client(), queue, request());
  await handle.signal(messages.abort, { by: 'ana', reason: 'wrong version' });
  const { activities, asked } = world();
  await temporal.serve(
    activities,
    async () => {
      const { message } = await rolledBack(handle);
      expect(message).toMatch(/^Aborted by ana: wrong version/);
      expect(effects(asked)).toEqual([]);
      await keepHistory('aborted-before-a-worker', handle);
    },
    queue,
  );
});

test('so does a decision by update, and it is answered', async () => {
  const queue = uniqueQueue();
  const handle = await start(temporal.client(), queue, request());
  const answer = handle.executeUpdate(messages.decide, { args: [{ action: 'abort', by: 'ana' }] });
  const { activities, asked } = world();
  await temporal.serve(
    activities,
    async () => {
      expect(await answer).toMatchObject({ taken: true });
      expect((await rolledBack(handle)).message).toMatch(/^Aborted by ana/);
      expect(effects(asked)).toEqual([]);
    },
    queue,
  );
});

test('an approval that was sent before a worker was there is answered in the status', async () => {
  const queue = uniqueQueue();
  const handle = await start(temporal.client(), queue, request());
  await handle.signal(messages.approve, { by: 'ana' });
  await temporal.serve(
    world().activities,
    async () => {
      const { decisions } = await observe(handle).until((status) => status.decisions.length > 0);
      expect(decisions).toMatchObject([{ action: 'approve', by: 'ana' }]);
      await handle.terminate();
    },
    queue,
  );
});
