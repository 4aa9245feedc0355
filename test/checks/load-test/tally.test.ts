import { expect, test } from '@jest/globals';
import { NOT_SENT, TIMED_OUT } from '../../../src/checks/load-test/outcome.ts';
import { createTally } from '../../../src/checks/load-test/tally.ts';

const LIMIT = { slowOverMs: 500 };

test('latency counts from when a request was due, not from when it left', () => {
  const tally = createTally(LIMIT);
  tally.count({ dueMs: 0, sentMs: 700, settledMs: 710, failure: undefined });
  expect(tally.numbers()).toMatchObject({ requests: 1, slow: 1, late: 1, p50Ms: 710, maxMs: 710 });
});

test('a request exactly at the limit is not slow', () => {
  const tally = createTally(LIMIT);
  tally.count({ dueMs: 0, sentMs: 0, settledMs: 500, failure: undefined });
  expect(tally.numbers().slow).toBe(0);
});

test('a failed request is slow only if it took long; one that was not sent always is, and has no latency', () => {
  const tally = createTally(LIMIT);
  tally.count({ dueMs: 0, sentMs: 0, settledMs: 3, failure: 'answered 503' });
  tally.count({ dueMs: 0, sentMs: 0, settledMs: 5_000, failure: TIMED_OUT });
  tally.count({ dueMs: 0, sentMs: 0, settledMs: 0, failure: NOT_SENT });
  expect(tally.numbers()).toMatchObject({
    requests: 3,
    failed: 3,
    failedBy: { 'answered 503': 1, [TIMED_OUT]: 1, [NOT_SENT]: 1 },
    slow: 2,
    inTime: 1,
    p50Ms: 3,
  });
});

test.each([
  ['keeps pace, a second behind', (dueMs: number) => dueMs + 1_000, 10_000],
  ['falls behind for ever, at half the rate', (dueMs: number) => dueMs * 2, 20_000],
  ['keeps pace but for a few stragglers', (dueMs: number) => (dueMs > 9_500 ? 60_000 : dueMs), 10_000],
])('tells how long answers took to come from a target that %s', (_what, settledAt, expected) => {
  const tally = createTally(LIMIT);
  for (let dueMs = 0; dueMs < 10_000; dueMs += 10)
    tally.count({ dueMs, sentMs: dueMs, settledMs: settledAt(dueMs), failure: undefined });
  const { cameOverMs, inTime } = tally.numbers();
  expect(inTime).toBe(1_000);
  expect(Math.abs(cameOverMs / expected - 1)).toBeLessThan(0.01);
});

test('nothing counted is no division by nothing', () => {
  expect(createTally(LIMIT).numbers()).toEqual({
    requests: 0,
    failed: 0,
    failedBy: {},
    slow: 0,
    late: 0,
    inTime: 0,
    cameOverMs: 0,
    p50Ms: 0,
    p95Ms: 0,
    p99Ms: 0,
    maxMs: 0,
  });
});
