import { expect, test } from '@jest/globals';
import { readShare } from '../../src/activities/kept-traffic.ts';
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
