import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { createTurns } from '../../src/activities/turns.ts';
import { beatMs } from '../../src/activities/watch-beat.ts';
import { withSparingHeartbeat } from '../../src/activities/with-heartbeat.ts';
import { until } from '../checks/support/context.ts';
import { begin } from './support/attempt.ts';

const IN_10_S = { heartbeatTimeoutMs: 10_000, attempt: 1 };
const healthyFrom = 1;

test('a soak sends a heartbeat as seldom as its timeout allows, however seldom it is read', () => {
  expect(beatMs({ pollMs: 5_000, healthyFrom }, IN_10_S)).toBe(8_000);
  expect(beatMs({ pollMs: 15_000, healthyFrom }, IN_10_S)).toBe(8_000);
  expect(beatMs({ pollMs: 60_000, healthyFrom }, { ...IN_10_S, heartbeatTimeoutMs: 12_000 })).toBe(9_600);
});

test('after a lost attempt there are twice as many: perhaps the machine is slow', () => {
  expect(beatMs({ pollMs: 15_000, healthyFrom }, { ...IN_10_S, attempt: 2 })).toBe(4_000);
});

test('a window that takes long to begin sends heartbeats meanwhile, and then the first that it says at once', async () => {
  const { result, heartbeats } = begin(
    () =>
      withSparingHeartbeat({ everyMs: 60_000, turns: createTurns() }, async ({ heartbeat }) => {
        await Promise.resolve(); // `heartbeats` is known from here on
        await until(() => heartbeats.length > 0);
        heartbeat('begun');
        heartbeat('later');
      }),
    undefined,
  );
  await result;
  expect(heartbeats).toEqual([undefined, 'begun']);
});

test('a soak that is read every second shows every second reading', () => {
  expect(beatMs({ pollMs: 1_000, healthyFrom }, IN_10_S)).toBe(2_000);
});

test('at a gate an approval is heard within two seconds', () => {
  expect(beatMs({ pollMs: 15_000 }, IN_10_S)).toBe(2_000);
});

test('what was said since the last heartbeat is in the next one', async () => {
  const { result, heartbeats } = begin(
    () =>
      withSparingHeartbeat({ everyMs: 300, turns: createTurns() }, async ({ heartbeat }) => {
        for (let number = 1; number <= 20; number += 1) heartbeat(number);
        await delay(450);
      }),
    undefined,
  );
  await result;
  expect(heartbeats).toEqual([1, 20]);
});

test('a heartbeat comes in its time also where nothing new was said', async () => {
  const { result, heartbeats } = begin(
    () =>
      withSparingHeartbeat({ everyMs: 100, turns: createTurns() }, async ({ heartbeat }) => {
        heartbeat('once');
        await delay(350);
      }),
    undefined,
  );
  await result;
  expect(heartbeats.length).toBeGreaterThanOrEqual(3);
  expect(new Set(heartbeats)).toEqual(new Set(['once']));
});

test('a worker that stops hands over the newest that was said', async () => {
  const { result, heartbeats, cancel } = begin(
    () =>
      withSparingHeartbeat({ everyMs: 60_000, turns: createTurns() }, async ({ signal, heartbeat }) => {
        heartbeat('first');
        heartbeat('newest');
        await delay(60_000, undefined, { signal });
      }),
    undefined,
  );
  await until(() => heartbeats.length > 0);
  cancel({ workerShutdown: true });
  await expect(result).rejects.toMatchObject({ name: 'CancelledFailure' });
  expect(heartbeats).toEqual(['first', 'newest']);
});

test('activities of a worker that stops leave it in turn, and go on until then', async () => {
  const turns = createTurns();
  const rounds = Array.from({ length: 60 }, () => 0); // the last one's turn comes after three seconds
  const left: number[] = [];
  const attempts = rounds.map((_, index) =>
    begin(
      () =>
        withSparingHeartbeat({ everyMs: 60_000, turns }, async ({ signal }) => {
          for (;;) {
            await delay(20, undefined, { signal });
            rounds[index] = (rounds[index] ?? 0) + 1;
          }
        }),
      undefined,
    ),
  );
  for (const [index, { result }] of attempts.entries()) result.catch(() => left.push(index));
  for (const { cancel } of attempts) cancel({ workerShutdown: true });
  await until(() => left.length > 0);
  const whenTheFirstLeft = [...rounds];
  await until(() => left.length === attempts.length);
  expect(left).toEqual([...rounds.keys()]);
  expect(rounds.at(-1)).toBeGreaterThan(whenTheFirstLeft.at(-1) ?? 0);
});

test('a worker with thousands of them keeps nobody waiting for long', () => {
  const turns = createTurns();
  const waits = Array.from({ length: 5_000 }, () => turns.take());
  expect(waits[0]).toBe(0);
  expect(Math.max(...waits)).toBeLessThanOrEqual(20_000);
});
