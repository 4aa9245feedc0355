import { expect, test } from '@jest/globals';
import { rolledBack } from '../../support/temporal.ts';
import type { Release, RouterScene } from './router-scene.ts';

const GOOD = { environment: 'production', behaviour: {} } as const;
const OFTEN_FAILED = /^green failed \d+ of \d+ requests/;
const OFTEN_SLOW = /^green took longer than 1000 ms for \d+ of \d+ requests/;

/** What is wrong with a release, and how the reason of its rollback begins. */
const BAD: readonly [string, Release, RegExp][] = [
  ['fails', { version: '2.6.0', behaviour: { failing: 0.4 }, environment: 'production' }, OFTEN_FAILED],
  ['drops', { version: '2.7.0', behaviour: { dropping: 0.4 }, environment: 'dropped-counted' }, OFTEN_FAILED],
  ['is slow to answer', { version: '2.8.0', behaviour: { slow: 0.4 }, environment: 'production' }, OFTEN_SLOW],
];

/** Deploys good and bad releases behind this router, one after the other. */
export function deployAll(scene: RouterScene): void {
  test('a good release gets half of the requests, then all', async () => {
    await scene.deploy({ ...GOOD, version: '2.5.0' }, async ({ handle, until }) => {
      await until(({ phase }) => phase === 'soaking');
      const half = await scene.served();
      expect(half['2.4.0']).toBeGreaterThan(20);
      expect(half['2.5.0']).toBeGreaterThan(20);
      expect(await handle.result()).toMatchObject({ outcome: 'completed' });
      expect(await scene.served()).toEqual({ '2.5.0': 100 });
      expect(await scene.status()).toMatchObject({ traffic: { '2.5.0': 100 }, slots: { '2.5.0': 'shop-b' } });
    });
  });

  test.each(BAD)('a release that %s 40 %% of its requests is rolled back', async (_, release, reason) => {
    await scene.deploy(release, async ({ handle }) => {
      const { report } = await rolledBack(handle);
      expect(report.rollback).toMatchObject({ cause: 'breach', reason: expect.stringMatching(reason) });
      expect(await scene.served()).toEqual({ '2.5.0': 100 });
    });
  });

  test('the next good release takes the other slot', async () => {
    await scene.deploy({ ...GOOD, version: '2.9.0', environment: 'dropped-counted' }, async ({ handle }) => {
      expect(await handle.result()).toMatchObject({ outcome: 'completed' });
      expect(await scene.served()).toEqual({ '2.9.0': 100 });
      expect(await scene.status()).toEqual({
        traffic: { '2.5.0': 0, '2.9.0': 100 },
        slots: { '2.5.0': 'shop-b', '2.9.0': 'shop-a' },
      });
    });
  });
}
