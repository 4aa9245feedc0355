import { expect, test } from '@jest/globals';
import type { WatchHeartbeat, WatchInput } from '../../src/domain/activity-results.ts';
import { until } from '../checks/support/context.ts';
import { useServers } from '../support/http.ts';
import { begin, run } from './support/attempt.ts';
import { BLUE, GREEN, type Scene, SEQUENTIAL, useScenes } from './support/scene.ts';

/** A watch that judges by evidence: what only that rule needs of it. */

const scene = useScenes();
const serve = useServers();

/** The first soak, which begins now; its window is as long. */
function soak({ target, plan }: Scene, soakMs: number): WatchInput {
  const now = Date.now();
  const { pollMs } = plan.watch;
  const watchState = { cursor: null, judge: null, soakStartedAt: 0 };
  return {
    target,
    rules: plan.judge,
    pollMs,
    soakStartedAt: now,
    soakMs,
    percentage: 50,
    until: now + soakMs,
    watchState,
  };
}

const newest = (heartbeats: readonly unknown[]) => heartbeats.at(-1) as WatchHeartbeat | undefined;

test('a soak is healthy when nearly all of it was observed, and not before', async () => {
  const here = await scene(SEQUENTIAL);
  here.production.move(50);
  const { result, heartbeats } = begin(here.activities.watchWindow, soak(here, 3_000));
  await until(() => (newest(heartbeats)?.green.requests ?? 0) > 60);
  expect(newest(heartbeats)).toMatchObject({ verdict: 'inconclusive', code: 'insufficient-data' });
  const window = await result;
  expect(window.verdict).toBe('healthy');
  expect(window).not.toHaveProperty('code');
});

test('a state of the judge that another build left is begun anew, and the soak is judged', async () => {
  const here = await scene(SEQUENTIAL);
  here.production.move(50);
  const input = soak(here, 3_000);
  const left = { cursor: null, judge: { format: 1 } as never, soakStartedAt: input.soakStartedAt };
  expect((await run(here.activities.watchWindow, { ...input, watchState: left })).verdict).toBe('healthy');
});

/** The router says that green has its share. */
const asSet = () => ({ readTraffic: async () => ({ [BLUE]: 50, [GREEN]: 50 }) });

test('a green that gets none of the traffic that was set is rolled back', async () => {
  const here = await scene(SEQUENTIAL, {}, asSet);
  here.production.move(0);
  expect(await run(here.activities.watchWindow, soak(here, 60_000))).toMatchObject({
    verdict: 'breached',
    code: 'no-green-traffic',
    reason: expect.stringMatching(/^green had no request in the \d+ s since the shift, while blue had [\d,]+;/),
  });
});

test('a green whose traffic somebody else took away is not rolled back, nor when it gets its share again', async () => {
  const here = await scene(SEQUENTIAL);
  here.production.move(50);
  const input = soak(here, 60_000);
  const first = begin(here.activities.watchWindow, input);
  await until(() => here.production.asked('status') > 0); // the next regular look is a minute later
  const { requests = 0 } = newest(first.heartbeats)?.green ?? {};
  await until(() => (newest(first.heartbeats)?.green.requests ?? 0) > requests);
  here.production.move(0);
  const moved = await first.result;
  expect(moved).toMatchObject({
    verdict: 'inconclusive',
    code: 'wrong-traffic-split',
    reason: `green gets no requests because the traffic was moved: ${BLUE} 100 %, ${GREEN} 0 %`,
    moved: { found: `${BLUE} 100 %, ${GREEN} 0 %` },
    watchState: { judge: { breach: null, run: { setRightAt: expect.any(Number) } } },
  });
  here.production.move(50);
  const next = { ...input, until: Date.now() + 4_000, watchState: moved.watchState };
  const { verdict, green } = await run(here.activities.watchWindow, next);
  expect(verdict).not.toBe('breached');
  expect(green.requests).toBeGreaterThan(0);
});

test('a router that cannot be read does not keep a green without traffic from the rollback', async () => {
  const unreadable = () => ({ readTraffic: () => Promise.reject(new Error('the router is away')) });
  const here = await scene(SEQUENTIAL, {}, unreadable);
  here.production.move(0);
  expect(await run(here.activities.watchWindow, soak(here, 60_000))).toMatchObject({ code: 'no-green-traffic' });
});

test('a window closes when metrics stay away longer than their budget; the next one waits until they are back', async () => {
  const here = await scene(SEQUENTIAL);
  here.production.move(50);
  const input = soak(here, 60_000);
  const first = begin(here.activities.watchWindow, input);
  await until(() => (newest(first.heartbeats)?.green.requests ?? 0) > 0);
  here.production.misbehave('metrics', 'fail');
  const closed = await first.result;
  expect(closed).toMatchObject({ verdict: 'inconclusive', code: 'no-metrics', exhausted: true });
  expect(closed.to).toBeLessThan(input.until);

  const next = begin(here.activities.watchWindow, {
    ...input,
    until: Date.now() + 300_000,
    watchState: closed.watchState,
  });
  await until(() => newest(next.heartbeats)?.exhausted === true);
  here.production.misbehave('metrics', 'well');
  await until(() => newest(next.heartbeats)?.exhausted === undefined && newest(next.heartbeats) !== undefined);
  next.cancel();
  expect((await next.result).code).toBe('insufficient-data');
});

/** A page of both versions whose processes can start anew. */
async function restartable() {
  const counters: Record<string, number> = { [BLUE]: 1_000, [GREEN]: 1_000 };
  const { origin } = await serve((_, response) => {
    for (const version of Object.keys(counters)) counters[version] = (counters[version] ?? 0) + 10;
    response.end(
      Object.entries(counters)
        .map(([version, count]) => `http_requests_total{version="${version}",code="200"} ${count}\n`)
        .join(''),
    );
  });
  const restart = (version: string) => {
    counters[version] = 0;
  };
  return { restart, metrics: { targets: [`${origin}/metrics`] } };
}

test('where green is missed, the versions that the metrics count instead are named', async () => {
  let count = 0;
  const { origin } = await serve((_, response) => {
    count += 100;
    response.end(
      [BLUE, '2.5.0_b'].map((version) => `http_requests_total{version="${version}",code="200"} ${count}\n`).join(''),
    );
  });
  const here = await scene({ ...SEQUENTIAL, metrics: { targets: [`${origin}/metrics`] } }, {}, asSet);
  const { verdict, reason } = await run(here.activities.watchWindow, soak(here, 60_000));
  expect(verdict).toBe('breached');
  expect(reason).toMatch(/^green had no request .*; the metrics count requests of 2\.5\.0_b instead$/);
});

test.each([
  ['a green that starts again and again is rolled back', [GREEN], 'breached', 'restarting'],
  ['when both start again it is what counts them, and no fault', [GREEN, BLUE], 'inconclusive', 'insufficient-data'],
])('%s', async (_, versions, verdict, code) => {
  const { restart, metrics } = await restartable();
  const here = await scene({ ...SEQUENTIAL, metrics });
  const { result, heartbeats, cancel } = begin(here.activities.watchWindow, soak(here, 60_000));
  let isJudged = false;
  void result.then(() => (isJudged = true));
  for (let times = 1; times <= 2; times += 1) {
    const seen = heartbeats.length;
    await until(() => heartbeats.length > seen + 3);
    versions.forEach(restart);
  }
  const seen = heartbeats.length;
  await until(() => heartbeats.length > seen + 3 || isJudged);
  cancel();
  expect(await result).toMatchObject({ verdict, code });
});
