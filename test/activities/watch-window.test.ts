import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { Info } from '@temporalio/activity';
import type { WatchHeartbeat, WatchInput, WatchState } from '../../src/domain/activity-results.ts';
import type { Reading } from '../../src/plugin/counters.ts';
import { until } from '../checks/support/context.ts';
import { begin, run } from './support/attempt.ts';
import { BLUE, GREEN, type Scene, useScenes } from './support/scene.ts';

const scene = useScenes();
const LONG_MS = 300_000;
/** Observed as soon as two readings are there. */
const SOAK_MS = 500;

/** A window of the first soak, which begins now. */
function opened({ target, plan }: Scene, forMs = LONG_MS): WatchInput {
  const now = Date.now();
  return {
    target,
    rules: plan.judge,
    pollMs: plan.watch.pollMs,
    soakStartedAt: now,
    soakMs: SOAK_MS,
    percentage: 50,
    until: now + forMs,
    watchState: { cursor: null, judge: null, soakStartedAt: 0 },
  };
}

function newest(heartbeats: readonly unknown[]): WatchHeartbeat | undefined {
  return heartbeats.at(-1) as WatchHeartbeat | undefined;
}

test('a window ends at its time with what both versions answered, and says why it is healthy', async () => {
  const here = await scene();
  here.production.move(50);
  const before = [BLUE, GREEN].map((version) => here.production.requests(version));
  const window = await run(here.activities.watchWindow, opened(here, 2_000));
  const after = [BLUE, GREEN].map((version) => here.production.requests(version));
  expect(window).toMatchObject({
    verdict: 'healthy',
    reason: expect.stringMatching(
      new RegExp(`^green failed 0 of ${window.green.requests} requests \\(0 %\\) in [12] s; the limit is 5 %$`),
    ),
  });
  for (const [index, { requests }] of [window.blue, window.green].entries()) {
    expect(requests).toBeGreaterThan(0);
    expect(requests).toBeLessThanOrEqual((after[index] ?? 0) - (before[index] ?? 0));
  }
  expect(window).not.toHaveProperty('latest');
});

test('a window that was given no state fails, and leaves nothing behind that could end the worker', async () => {
  const here = await scene();
  const forgotten: unknown[] = [];
  const keep = (error: unknown): void => void forgotten.push(error);
  process.on('unhandledRejection', keep);
  try {
    const { watchState: _, ...without } = opened(here);
    await expect(run(here.activities.watchWindow, without as WatchInput)).rejects.toThrow(TypeError);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(forgotten).toEqual([]);
  } finally {
    process.off('unhandledRejection', keep);
  }
});

test('a breach ends the window at once, with the counts in its reason', async () => {
  const here = await scene();
  here.production.move(50);
  here.production.fail(GREEN, 0.5);
  const window = await run(here.activities.watchWindow, opened(here));
  expect(window.verdict).toBe('breached');
  expect(window.reason).toMatch(
    /^green failed \d+ of \d+ requests \(\d+(\.\d+)? %\) in \d+ s; the limit is 5 %; blue 0 of \d+ /,
  );
});

test('while the metrics do not say how long green takes it is not healthy; a breach is one all the same', async () => {
  const here = await scene({
    metrics: { latency: 'http_request_duration_seconds' },
    limits: { latency: { quantile: 0.95, under: '500ms' } },
  });
  const { production, activities } = here;
  production.move(50);
  production.holdDurations(true);
  const input = opened(here, 2_000);
  const untimed = await run(activities.watchWindow, input);
  expect(untimed).toMatchObject({
    verdict: 'inconclusive',
    code: 'insufficient-data',
    reason: expect.stringMatching(
      /^the metrics count green's requests, but not how long those of the last \d+ s took; too few timed requests yet: 0 of the 20 that are needed; green had no timed requests in \d+ s; /,
    ),
  });
  production.holdDurations(false);
  const { watchState } = untimed;
  const timed = await run(activities.watchWindow, { ...input, until: Date.now() + 2_000, watchState });
  expect(timed).toMatchObject({ verdict: 'healthy', reason: expect.stringMatching(/^green failed 0 of /) });
  production.holdDurations(true);
  production.fail(GREEN, 0.5);
  const next = { ...input, until: Date.now() + LONG_MS, watchState: timed.watchState };
  expect(await run(activities.watchWindow, next)).toMatchObject({ verdict: 'breached' });
});

test('past the time of its soak a window ends at the first healthy verdict', async () => {
  const here = await scene();
  here.production.move(50);
  const input = opened(here);
  const window = await run(here.activities.watchWindow, { ...input, healthyFrom: Date.now() + SOAK_MS });
  expect(window.verdict).toBe('healthy');
  expect(window.to).toBeLessThan(input.until);
});

test('what green answered before the soak began is no evidence of it: neither for the verdict nor in the counts', async () => {
  const here = await scene();
  const { production, activities, plan } = here;
  production.move(50);
  production.fail(GREEN, 1);
  const first = await run(activities.watchWindow, { ...opened(here, 0) });
  await until(() => production.requests(GREEN) > 2 * plan.judge.minRequests);
  production.fail(GREEN, 0);
  const { watchState, ...window } = await run(activities.watchWindow, {
    ...opened(here, 2_000),
    watchState: { cursor: first.watchState.cursor, judge: null, soakStartedAt: 0 },
  });
  expect(window).toMatchObject({ verdict: 'healthy', green: { failed: 0 } });
  expect(window.reason).toMatch(/^green failed 0 of /);
  expect(watchState.judge).toMatchObject({ soak: { green: { failed: 0 } } });
});

test('what is not measured is null, not 0: slow requests without a latency limit, the mean without a metric', async () => {
  const here = await scene({ limits: { errorRate: '5%' } });
  here.production.move(50);
  const { result, heartbeats, cancel } = begin(here.activities.watchWindow, opened(here));
  await until(() => (newest(heartbeats)?.latest?.green.requests ?? 0) > 0);
  const { latest } = newest(heartbeats) ?? {};
  expect(latest?.green).toMatchObject({ failed: 0, slow: null, meanMs: null });
  cancel();
  expect(await result).toMatchObject({ green: { failed: 0, slow: null }, blue: { slow: null } });
});

test('another worker goes on where one was lost: every request is counted exactly once', async () => {
  const here = await scene();
  const { production, activities } = here;
  production.move(50);
  const input = opened(here);
  const lost = begin(activities.watchWindow, input);
  await until(() => (newest(lost.heartbeats)?.green.requests ?? 0) > 20);
  const heartbeatDetails = newest(lost.heartbeats);
  lost.cancel({ notFound: true });
  await expect(lost.result).rejects.toMatchObject({ name: 'CancelledFailure' });

  // Nobody watches while all this happens.
  const unseen = production.requests(GREEN) + 100;
  await until(() => production.requests(GREEN) > unseen);
  const next = begin(activities.watchWindow, input, { attempt: 2, heartbeatDetails });
  await until(() => next.heartbeats.length > 3);
  next.cancel();
  const { green, watchState, from } = await next.result;

  expect(from).toBe(heartbeatDetails?.from);
  const baseline = seriesOf(lost.heartbeats.find((beat) => (beat as WatchHeartbeat | undefined)?.watchState.cursor));
  expect(green.requests).toBe(seriesOf({ watchState }) - baseline);
  expect(watchState.judge).toMatchObject({ soak: { green: { requests: green.requests } } });
});

/** Green's cumulative counter as this window read it last. */
function seriesOf(window: unknown): number {
  const { cursor } = (window as Pick<WatchHeartbeat, 'watchState'>).watchState;
  return (cursor as Reading | null)?.series[`0/${GREEN}`]?.requests ?? 0;
}

test('asked to close, it looks once more and gives its verdict instead of being cancelled', async () => {
  const here = await scene();
  here.production.move(50);
  const { result, heartbeats, cancel } = begin(here.activities.watchWindow, opened(here));
  await until(() => newest(heartbeats)?.verdict === 'healthy');
  const seenAt = newest(heartbeats)?.to ?? 0;
  cancel();
  const window = await result;
  expect(window.verdict).toBe('healthy');
  expect(window.to).toBeGreaterThan(seenAt);
});

test.each(['workerShutdown', 'timedOut', 'notFound'] as const)(
  'a worker that loses it (%s) ends without a verdict, so that another one goes on',
  async (why) => {
    const here = await scene();
    const { result, heartbeats, cancel } = begin(here.activities.watchWindow, opened(here));
    await until(() => newest(heartbeats) !== undefined);
    cancel({ cancelRequested: true, [why]: true });
    await expect(result).rejects.toMatchObject({ name: 'CancelledFailure' });
  },
);

test('metrics that are away are no verdict, and say so; when they are back nothing is missing', async () => {
  const here = await scene();
  const { production, activities } = here;
  production.move(50);
  const { result, heartbeats, cancel } = begin(activities.watchWindow, opened(here));
  await until(() => newest(heartbeats)?.verdict === 'healthy');
  production.misbehave('metrics', 'fail');
  await until(() => newest(heartbeats)?.problem !== undefined);
  expect(newest(heartbeats)?.problem).toMatch(/metrics target 1 of 1: answered with HTTP status 500/);
  expect(newest(heartbeats)).toMatchObject({
    verdict: 'inconclusive',
    code: 'no-metrics',
    reason: expect.stringMatching(/^the last reading failed; before it: green failed 0 of \d+ requests/),
  });
  const before = newest(heartbeats);
  production.misbehave('metrics', 'well');
  await until(() => newest(heartbeats)?.problem === undefined);
  cancel();
  const window = await result;
  expect(window.green.requests).toBe((before?.green.requests ?? 0) + seriesOf(window) - seriesOf(before));
});

test('a window that is closed while the metrics cannot be read is not healthy: an approval then shifts nothing', async () => {
  const here = await scene();
  here.production.move(50);
  const { result, heartbeats, cancel } = begin(here.activities.watchWindow, opened(here));
  await until(() => newest(heartbeats)?.verdict === 'healthy');
  here.production.misbehave('metrics', 'fail');
  cancel();
  expect(await result).toMatchObject({ verdict: 'inconclusive', code: 'no-metrics' });
});

test('a window without any metrics is inconclusive, with the reason', async () => {
  const here = await scene();
  here.production.misbehave('metrics', 'fail');
  expect(await run(here.activities.watchWindow, opened(here, 700))).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringMatching(
      /^no metrics since the soak began .* \(metrics target 1 of 1: answered with HTTP status 500/,
    ),
    green: { requests: 0 },
  });
});

test('the next soak proves its health afresh, while a breach that builds up goes on', async () => {
  const here = await scene();
  const { production, activities } = here;
  production.move(50);
  const first = await run(activities.watchWindow, opened(here, 2_000));
  expect(first.verdict).toBe('healthy');
  const soakStartedAt = Date.now() + 1;
  const { verdict, watchState } = await run(activities.watchWindow, {
    ...opened(here, 0),
    soakStartedAt,
    watchState: first.watchState,
  });
  expect(verdict).toBe('inconclusive');
  expect(watchState).toMatchObject({ soakStartedAt, judge: { soak: { from: soakStartedAt } } });

  const nearly = withRun(watchState);
  production.fail(GREEN, 0.5);
  const window = await run(activities.watchWindow, {
    ...opened(here),
    soakStartedAt: soakStartedAt + 1,
    watchState: nearly,
  });
  expect(window.verdict).toBe('breached');
  expect(window.reason).toContain('over 3 batches in a row');
  expect(window.green.requests).toBeLessThan(3 * here.plan.judge.minRequests + 400);
});

/** As if two batches had been over the limit already. */
function withRun(watchState: WatchState): WatchState {
  if (!watchState.judge || !('runs' in watchState.judge)) throw new Error('these tests judge by the threshold rule');
  const counts = { requests: 100, failed: 50, slow: 0 };
  const errors = { batches: 2, ms: 2_000, green: counts, blue: { ...counts, failed: 0 } };
  return { ...watchState, judge: { ...watchState.judge, runs: { ...watchState.judge.runs, errors } } };
}

test('what each poll brought is kept for the report, and adds up to the window', async () => {
  const here = await scene();
  here.production.move(50);
  const input = opened(here, 2_000);
  const { green, blue, to } = await run(here.activities.watchWindow, input);
  const { deployment } = here.target;
  const kept = async () => (await here.reports.polls(deployment)).toSorted((a, b) => a.at - b.at);
  // Polls are written beside the watch: the last one may come after the window's result.
  await until(async () => (await kept()).at(-1)?.at === to);
  const sumOf = (version: 'green' | 'blue', polls: Awaited<ReturnType<typeof kept>>) =>
    polls.reduce((sum, { counted }) => sum + (counted?.[version].requests ?? 0), 0);
  const polls = await kept();
  expect([sumOf('green', polls), sumOf('blue', polls)]).toEqual([green.requests, blue.requests]);
  expect(polls.length).toBeGreaterThan(5);
  expect(new Set(polls.map(({ soakStartedAt }) => soakStartedAt))).toEqual(new Set([input.soakStartedAt]));
});

test('a watch goes on when its series cannot be kept, and says so once', async () => {
  const here = await scene();
  here.production.move(50);
  await writeFile(join(here.production.env['BLUEGREEN_STATE'] ?? '', 'reports'), 'where the folder should be');
  const attempt = begin(here.activities.watchWindow, opened(here, 2_000));
  expect(await attempt.result).toMatchObject({ verdict: 'healthy' });
  expect(attempt.log.filter(({ message }) => message.includes('the series for the report has a gap'))).toHaveLength(1);
});

test('a window ends when somebody else moves the traffic, with the shares that were found', async () => {
  const here = await scene();
  here.production.move(50);
  const attempt = begin(here.activities.watchWindow, opened(here));
  await until(() => here.production.asked('status') > 0);
  attempt.cancel();
  expect(await attempt.result).not.toHaveProperty('moved');
  here.production.move(0);
  const { moved } = await run(here.activities.watchWindow, opened(here));
  expect(moved).toEqual({ found: `${BLUE} 100 %, ${GREEN} 0 %` });
  expect(here.production.asked('status')).toBeLessThanOrEqual(4); // not at every poll
});

test('a router that cannot be read is no traffic that was moved', async () => {
  const here = await scene();
  here.production.move(80);
  here.production.misbehave('status', 'fail', 1_000);
  const attempt = begin(here.activities.watchWindow, opened(here));
  await until(() => here.production.asked('status') > 0);
  here.production.fail(GREEN, 0.5);
  const window = await attempt.result;
  expect(window.verdict).toBe('breached');
  expect(window).not.toHaveProperty('moved');
});

test.each<[string, () => Partial<Info>, Record<string, unknown>]>([
  ['at first', () => ({ attempt: 1, scheduledTimestampMs: Date.now() - 60_000 }), { nonRetryable: false }],
  [
    'soon after the last reading',
    () => ({ attempt: 9, heartbeatDetails: { to: Date.now() - 1_000 } }),
    { nonRetryable: false },
  ],
  [
    'after 30 s without a watch',
    () => ({ attempt: 9, scheduledTimestampMs: Date.now() - 60_000 }),
    { nonRetryable: true, type: 'CannotWatch', details: [] },
  ],
  [
    '30 s after the last reading',
    () => ({ attempt: 9, heartbeatDetails: { to: 7 } }),
    { nonRetryable: true, type: 'CannotWatch', details: [{ to: 7 }] },
  ],
])(
  'an attempt that cannot begin, %s: the workflow learns of it once nobody has watched for 30 s',
  async (_, info, failure) => {
    const here = await scene();
    const input = { ...opened(here), target: { ...here.target, digest: 'e'.repeat(64) } };
    await expect(run(here.activities.watchWindow, input, info())).rejects.toMatchObject({
      ...failure,
      message: expect.stringContaining('runbook'),
    });
  },
);
