import { expect, test } from '@jest/globals';
import { type InstancesLook, lookAtInstances, newsOf, withInstances } from '../../src/activities/instances.ts';
import { observed } from '../../src/activities/observed.ts';
import type { WatchHeartbeat, WatchInput } from '../../src/domain/activity-results.ts';
import { commandFailed, type InstancesSeen, type Workload } from '../../src/plugin/index.ts';
import { until } from '../checks/support/context.ts';
import { begin, run } from './support/attempt.ts';
import { BLUE, GREEN, type Scene, SEQUENTIAL, useScenes } from './support/scene.ts';

/** What the platform knows of green's instances while it has traffic, and what the judge makes of it. */

const scene = useScenes();
const fine: InstancesSeen = { instances: 3, ready: 3, restarts: {}, problems: [] };
const newest = (heartbeats: readonly unknown[]) => heartbeats.at(-1) as WatchHeartbeat | undefined;

/** The first soak, which begins now. */
function soak({ target, plan }: Scene, soakMs = 60_000): WatchInput {
  const now = Date.now();
  const { pollMs } = plan.watch;
  const watchState = { cursor: null, judge: null, soakStartedAt: 0 };
  const bounds = { soakStartedAt: now, soakMs, percentage: 50, until: now + soakMs };
  return { target, rules: plan.judge, pollMs, ...bounds, watchState };
}

test('two restarts of one pod under traffic are a breach, those before it are not', async () => {
  let restarts = { 'rec-green-1/app': 3 };
  let looks = 0;
  const observe = async () => {
    looks += 1;
    return { [BLUE]: fine, [GREEN]: { ...fine, restarts } };
  };
  const here = await scene(SEQUENTIAL, {}, undefined, observe);
  here.production.move(50);
  const { result, heartbeats } = begin(here.activities.watchWindow, soak(here));
  await until(() => looks > 3 && (newest(heartbeats)?.green.requests ?? 0) > 0);
  expect(newest(heartbeats)?.verdict).not.toBe('breached');
  restarts = { 'rec-green-1/app': 4 };
  const seenBefore = looks;
  await until(() => looks > seenBefore + 3);
  expect(newest(heartbeats)?.verdict).not.toBe('breached');
  restarts = { 'rec-green-1/app': 5 };
  expect(await result).toMatchObject({
    verdict: 'breached',
    code: 'restarting',
    reason: expect.stringContaining("green's target rec-green-1/app restarted 2 times since traffic was shifted to it"),
  });
});

test('another worker counts no restart twice', async () => {
  let restarts: Record<string, number> = {};
  const observe = async () => ({ [BLUE]: fine, [GREEN]: { ...fine, restarts } });
  const here = await scene(SEQUENTIAL, {}, undefined, observe);
  here.production.move(50);
  const input = soak(here, 5_000);
  const lost = begin(here.activities.watchWindow, input);
  await until(() => newest(lost.heartbeats)?.watchState.restarts !== undefined);
  restarts = { 'rec-green-1/app': 1 };
  await until(() => newest(lost.heartbeats)?.watchState.restarts?.['rec-green-1/app'] === 1);
  lost.cancel({ notFound: true });
  await expect(lost.result).rejects.toMatchObject({ name: 'CancelledFailure' });
  const window = await run(here.activities.watchWindow, input, { heartbeatDetails: newest(lost.heartbeats) });
  expect(window.verdict).not.toBe('breached');
  expect(window.watchState.judge).toMatchObject({ run: { restarts: { 'rec-green-1/app': 1 } } });
});

test('a platform that cannot be asked is said, and breaches nothing', async () => {
  const observe = async () => {
    throw commandFailed('could not list pods in the namespace shop: the Kubernetes API server cannot be reached');
  };
  const here = await scene(SEQUENTIAL, {}, undefined, observe);
  here.production.move(50);
  const window = await run(here.activities.watchWindow, soak(here, 3_000));
  expect(window.verdict).toBe('healthy');
  expect(window.reason).toContain('(the platform could not be asked for the instances: could not list pods');
});

test('a platform that does not answer does not keep the watch from the metrics', async () => {
  const here = await scene(SEQUENTIAL, {}, undefined, () => new Promise(() => {}));
  here.production.move(50);
  here.production.fail(GREEN, 1);
  expect(await run(here.activities.watchWindow, soak(here))).toMatchObject({ verdict: 'breached' });
});

test('nobody is asked for long once the watch is stopped', async () => {
  const workload = { observe: () => new Promise<never>(() => {}) } as Pick<Workload, 'observe'> as Workload;
  const stopped = AbortSignal.abort(new Error('the worker stops'));
  expect(await lookAtInstances(workload, { blue: BLUE, green: GREEN }, stopped)).toEqual({
    problem: 'the worker stops',
  });
});

test('what is wrong with the instances stands beside the verdict', () => {
  const look: InstancesLook = { green: { ...fine, ready: 1, problems: ['rec-green-1: CrashLoopBackOff'] }, blue: fine };
  const versions = { blue: BLUE, green: GREEN };
  expect(withInstances('not enough data', look, versions)).toBe(
    'not enough data (the platform says: 1 of 3 instances of 2.5.0 are ready; rec-green-1: CrashLoopBackOff)',
  );
  expect(withInstances('not enough data', { green: fine, blue: fine }, versions)).toBe('not enough data');
});

test('green without a ready instance is down while it has no requests and blue has instances', () => {
  const versions = { blue: BLUE, green: GREEN };
  const down = { ...fine, ready: 0 };
  const counts = { requests: 5, failed: 5, slow: 0, seconds: 1 };
  const interval = (of: Record<string, typeof counts>) => ({ from: 0, to: 1, counts: of });
  const news = newsOf({ green: down, blue: fine }, {});
  expect(observed(interval({}), versions, news)).toMatchObject({ greenDark: true });
  expect(observed(interval({ [GREEN]: counts }), versions, news)).not.toHaveProperty('greenDark');
  expect(newsOf({ green: down, blue: down }, {}).isGreenDown).toBe(false);
  expect(newsOf({}, {}).isGreenDown).toBe(false);
});

test('a restart that the metrics see as well does not count twice', () => {
  const interval = { from: 0, to: 1, counts: {}, restarted: { [GREEN]: ['10.0.0.7:8080'] } };
  const news = { restarted: { 'rec-green-1/app': 1 }, isGreenDown: false };
  expect(observed(interval, { blue: BLUE, green: GREEN }, news).greenRestarts).toEqual({
    '10.0.0.7:8080': 1,
    'rec-green-1/app': 1,
  });
});

test('a new instance of the same name begins anew', () => {
  const look = { green: { ...fine, restarts: { 'rec-0/app': 1 } } };
  expect(newsOf(look, { 'rec-0/app': 3 }).restarted).toEqual({ 'rec-0/app': 1 });
  expect(newsOf(look, undefined).restarted).toEqual({});
});
