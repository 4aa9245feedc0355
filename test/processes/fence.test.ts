import { expect, test } from '@jest/globals';
import { fenced } from '../../src/processes/fence.ts';
import { idleRun } from './support.ts';

/** Runs until it is told to stop. */
function untilStopped({ signal }: { signal: AbortSignal }): Promise<never> {
  return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
}

test('a newer attempt ends the older one, which can be tried again', async () => {
  const first = fenced({ id: 'a/deploy', attempt: 1 }, idleRun(), untilStopped);
  const settled = expect(first).rejects.toMatchObject({
    nonRetryable: false,
    message: 'attempt 1 was stopped: attempt 2 of the same operation took over',
  });
  expect(await fenced({ id: 'a/deploy', attempt: 2 }, idleRun(), async () => 'done')).toBe('done');
  await settled;
});

test('an attempt that comes after a newer one does not act, even when that one is done', async () => {
  await fenced({ id: 'b/deploy', attempt: 3 }, idleRun(), async () => 'done');
  const late = fenced({ id: 'b/deploy', attempt: 2 }, idleRun(), () => Promise.reject(new Error('it acted')));
  await expect(late).rejects.toThrow('attempt 2 was stopped: attempt 3');
});

test('operations do not disturb one another', async () => {
  const controller = new AbortController();
  const first = fenced({ id: 'c/deploy', attempt: 1 }, { signal: controller.signal, heartbeat() {} }, untilStopped);
  const settled = expect(first).rejects.toThrow('cancelled');
  await fenced({ id: 'd/deploy', attempt: 9 }, idleRun(), async () => 'done');
  controller.abort(new Error('cancelled'));
  await settled;
});
