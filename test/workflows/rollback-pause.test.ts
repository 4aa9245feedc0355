import { expect, test } from '@jest/globals';
import { pauseAfter } from '../../src/workflows/rollback.ts';

/** How often a rollback is tried whose rounds fail at once, and the last pause. */
function stalledFor(ms: number): { readonly rounds: number; readonly pauseMs: number } {
  let pauseMs = 1_000;
  let rounds = 1;
  for (let at = pauseMs; at < ms; at += pauseMs) {
    pauseMs = pauseAfter(pauseMs, at, 30_000);
    rounds += 1;
  }
  return { rounds, pauseMs };
}

const HOUR_MS = 3_600_000;

test('in the first half hour it is tried every 30 seconds at least', () => {
  expect(stalledFor(HOUR_MS / 2)).toEqual({ rounds: 64, pauseMs: 30_000 });
});

test('a rollback that stalls for a month is tried to the end, and does not fill its history', () => {
  const { rounds, pauseMs } = stalledFor(30 * 24 * HOUR_MS);
  expect(rounds).toBeLessThan(1_200); // of some 20 events each, where 51,200 are the end
  expect(pauseMs).toBe(HOUR_MS);
});
