import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, jest, test } from '@jest/globals';
import { keptTraffic, readShare } from '../../src/activities/kept-traffic.ts';
import type { WatchInput } from '../../src/domain/index.ts';
import { commandFailed, type Router, type TrafficShares, trafficDisagrees } from '../../src/plugin/index.ts';

const run = { signal: new AbortController().signal, heartbeat() {} };
const blueOnly = { version: '2.4.0', percentage: 100 };
const router = (readTraffic: () => Promise<TrafficShares | undefined>): Router => ({
  setTraffic: async () => [],
  readTraffic,
});

test.each([
  ['kept', { '2.4.0': 100, '2.5.0': 0 }, { is: 'kept' }],
  ['moved', { '2.4.0': 50, '2.5.0': 50 }, { is: 'moved', found: '2.4.0 50 %, 2.5.0 50 %' }],
  ['moved to another version', { '9.9.9': 100 }, { is: 'moved', found: '9.9.9 100 %' }],
  ['unknown', undefined, { is: 'unknown' }],
])('traffic that is %s', async (_, shares, expected) => {
  expect(
    await readShare(
      router(async () => shares),
      blueOnly,
      run,
    ),
  ).toEqual(expected);
});

test('parts of a router that disagree are traffic that was moved; a router that cannot be read says nothing', async () => {
  const disagreeing = router(() => Promise.reject(trafficDisagrees('one has 100 %, two has 50 %')));
  expect(await readShare(disagreeing, blueOnly, run)).toEqual({ is: 'moved', found: 'one has 100 %, two has 50 %' });
  const away = router(() => Promise.reject(commandFailed('the API server cannot be reached')));
  await expect(readShare(away, blueOnly, run)).rejects.toThrow('cannot be reached');
});

afterEach(() => void jest.useRealTimers());

/** At which second of ten minutes the router is read, polled every second, where green has so many of 20 requests a second. */
async function readingsAt(
  percentage: number,
  ofGreen: number,
  all = 20,
  code?: 'wrong-traffic-split',
): Promise<number[]> {
  jest.useFakeTimers();
  const start = Date.now();
  const at: number[] = [];
  const counting = router(async () => {
    at.push((Date.now() - start) / 1_000);
    return { '2.4.0': 100 - percentage, '2.5.0': percentage };
  });
  const input = { target: { green: '2.5.0', blue: '2.4.0' }, percentage } as WatchInput;
  const kept = keptTraffic(counting, input, new AbortController().signal);
  for (let second = 0; second <= 600; second += 1) {
    const green = { requests: second * ofGreen };
    const blue = { requests: second * (all - ofGreen) };
    expect(kept.moved({ green, blue, ...(code && second >= 30 && second < 60 && { code }) })).toBeUndefined();
    await jest.advanceTimersByTimeAsync(1_000);
  }
  return at;
}

const ONCE_A_MINUTE = [3, 63, 123, 183, 243, 303, 363, 423, 483, 543];

test.each([
  [50, 10],
  [50, 10.9],
  [5, 1],
  [5, 0.6],
  [100, 20],
])(
  'while the requests show a share of %i %% (%d of 20), the router is read every five minutes',
  async (share, green) => {
    expect(await readingsAt(share, green)).toEqual([3, 303]);
  },
);

test.each([
  ['other shares than those of the step', 50, 11.1, 20],
  ['green without requests', 5, 0, 20],
  ['blue with some where green should have all', 100, 19.9, 20],
  ['too few requests', 50, 1.5, 3],
  ['no requests', 50, 0, 0],
])('where the requests show %s, it is read once a minute', async (_, share, green, all) => {
  expect(await readingsAt(share, green, all)).toEqual(ONCE_A_MINUTE);
});

test('while the judge doubts that green gets its share, it is read every ten seconds', async () => {
  const readings = await readingsAt(50, 10, 20, 'wrong-traffic-split');
  expect(readings.slice(0, 5)).toEqual([3, 30, 40, 50, 350]);
});

test('requests that stop showing the share have the router read within a minute, and what was moved is found', async () => {
  jest.useFakeTimers();
  let shares: TrafficShares = { '2.4.0': 50, '2.5.0': 50 };
  let readings = 0;
  const reading = router(async () => {
    readings += 1;
    return shares;
  });
  const input = { target: { green: '2.5.0', blue: '2.4.0' }, percentage: 50 } as WatchInput;
  const kept = keptTraffic(reading, input, new AbortController().signal);
  const counts = { green: { requests: 0 }, blue: { requests: 0 } };
  const poll = async (green: number, blue: number): Promise<void> => {
    counts.green.requests += green;
    counts.blue.requests += blue;
    kept.moved(counts);
    await jest.advanceTimersByTimeAsync(5_000);
  };
  for (let second = 0; second < 100; second += 5) await poll(50, 50);
  expect(readings).toBe(1);
  shares = { '2.4.0': 100, '2.5.0': 0 };
  for (let second = 0; second < 60; second += 5) await poll(0, 100);
  expect(readings).toBe(2);
  jest.useRealTimers(); // it is read again, after a real second
  while (!kept.moved(counts)) await sleep(20);
  expect(kept.moved(counts)).toEqual({ found: '2.4.0 100 %, 2.5.0 0 %' });
});
