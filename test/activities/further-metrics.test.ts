import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { joinJudgements } from '../../src/activities/further-metrics.ts';
import type { WatchHeartbeat, WatchInput, WatchState } from '../../src/domain/activity-results.ts';
import type { CountedState } from '../../src/judge/counted.ts';
import type { Judgement } from '../../src/judge/judgement.ts';
import type { Reading } from '../../src/plugin/counters.ts';
import { until } from '../checks/support/context.ts';
import { useServers } from '../support/http.ts';
import { describeWithPrometheus, startPrometheus, type TestPrometheus } from '../support/prometheus.ts';
import { begin, run } from './support/attempt.ts';
import { GREEN, type Scene, useScenes } from './support/scene.ts';

const scene = useScenes();
const serve = useServers();
const SEQUENTIAL = {
  judge: { rule: 'sequential', burstTolerance: '1s', maxNoData: '1m', batch: undefined, breachesInARow: undefined },
};
const CHECKOUTS = {
  name: 'checkout-failures',
  kind: 'counted',
  metrics: { requests: 'checkouts_total', codeLabel: 'result', failed: { values: ['error'] } },
  limit: '2%',
};
const analysing = (...analysis: object[]) => scene({ ...SEQUENTIAL, analysis });

/** The first soak, which begins now and is as long as its window. */
function soak({ target, plan }: Scene, watchState: WatchState, soakMs = 60_000): WatchInput {
  const now = Date.now();
  const { pollMs } = plan.watch;
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

async function baseline({ activities, target, plan }: Scene, timeoutMs = 30_000): Promise<WatchState> {
  return (await run(activities.readBaseline, { target, rules: plan.judge, timeoutMs })).watchState;
}

const newest = (heartbeats: readonly unknown[]) => heartbeats.at(-1) as WatchHeartbeat | undefined;

describe('counted', () => {
  test('checkouts that fail end the window as a breach, though errors are within their limit', async () => {
    const here = await analysing(CHECKOUTS);
    const before = await baseline(here);
    here.production.move(50);
    here.production.failCheckouts(GREEN, 0.4);
    const window = await run(here.activities.watchWindow, soak(here, before));
    expect(window).toMatchObject({
      verdict: 'breached',
      code: 'limit-exceeded',
      reason: expect.stringMatching(
        /^checkout-failures: green failed \d+ of \d+ requests \(.*\) in \d+ s; the limit is 2 %; blue 0 of \d+ requests/,
      ),
      green: { failed: 0 },
      analysis: [{ name: 'checkout-failures', critical: true, verdict: 'breached', blue: 0 }],
    });
    expect(window.analysis?.[0]?.green).toBeCloseTo(0.4, 1);
  });

  test('one that is informational is shown, and decides nothing', async () => {
    const here = await analysing({ ...CHECKOUTS, critical: false });
    const before = await baseline(here);
    here.production.move(50);
    here.production.failCheckouts(GREEN, 0.4);
    const { result, heartbeats, cancel } = begin(here.activities.watchWindow, soak(here, before));
    await until(() => newest(heartbeats)?.analysis?.[0]?.verdict === 'breached');
    expect(newest(heartbeats)?.verdict).toBe('inconclusive');
    cancel();
    expect(await result).toMatchObject({ verdict: 'inconclusive', analysis: [{ critical: false }] });
  });

  test('another worker goes on where a lost one stopped: nothing counts twice, and nothing is lost', async () => {
    const here = await analysing(CHECKOUTS);
    const before = await baseline(here);
    here.production.move(50);
    const input = soak(here, before);
    const lost = begin(here.activities.watchWindow, input);
    const cursors = () => lost.heartbeats.map((beat) => cursorIn(beat as WatchHeartbeat | null));
    const first = () => cursors().find((cursor) => cursor && cursor.at > input.soakStartedAt);
    await until(() => first() !== undefined);
    lost.cancel({ workerShutdown: true });
    await expect(lost.result).rejects.toThrow();
    const kept = newest(lost.heartbeats);
    const { result, heartbeats, cancel } = begin(here.activities.watchWindow, input, { heartbeatDetails: kept });
    await until(() => (newest(heartbeats)?.to ?? 0) > (kept?.to ?? 0) + 1_000);
    cancel();
    const window = await result;
    const judge = window.watchState.analysis?.['checkout-failures']?.judge as CountedState | undefined;
    const seen = (judge?.evidence.soak.greenAll ?? 0) + (judge?.open?.green.requests ?? 0);
    expect(seen).toBeGreaterThan(0);
    // The first reading began before the soak; all after it is judged, or waits in the slot that is filling.
    expect(seen).toBe((cursorIn(window)?.green ?? 0) - (first()?.green ?? 0));
  });

  /** Up to when the checkouts are counted, and those of green until then. */
  function cursorIn(beat: Pick<WatchHeartbeat, 'watchState'> | null) {
    const cursor = beat?.watchState.analysis?.['checkout-failures']?.cursor as Reading | null | undefined;
    return cursor ? { at: cursor.at, green: cursor.series[`0/${GREEN}`]?.requests ?? 0 } : undefined;
  }

  test('a counter that nobody exports is refused before the shift, by the name of its entry', async () => {
    const missing = { ...CHECKOUTS, metrics: { requests: 'payments_total' } };
    await expect(baseline(await analysing(missing), 1_500)).rejects.toMatchObject({
      type: 'MetricsUnusable',
      nonRetryable: true,
      message: expect.stringMatching(
        /so no traffic is shifted\. The further metric checkout-failures \(analysis\): .*payments_total/,
      ),
    });
    const informational = await baseline(await analysing({ ...missing, critical: false }), 1_500);
    expect(informational.analysis).toEqual({});
  });

  test('orders per request: green that leads to none of them is worse than blue', async () => {
    const here = await analysing({
      name: 'orders',
      kind: 'counted',
      metrics: { requests: 'checkouts_total', codeLabel: 'result', failed: { answered: ['ok'] } },
      compare: 'answered',
    });
    const before = await baseline(here);
    here.production.move(50);
    here.production.failCheckouts(GREEN, 0.9);
    expect(await run(here.activities.watchWindow, soak(here, before))).toMatchObject({
      verdict: 'breached',
      code: 'worse-than-blue',
      reason: expect.stringMatching(/^orders: green answered \d+ of \d+ requests/),
    });
  });
});

describeWithPrometheus('a query', () => {
  let prometheus: TestPrometheus;
  beforeAll(async () => {
    prometheus = await startPrometheus();
  });
  afterAll(() => prometheus.stop());

  const memory = (more: object = {}) => ({
    name: 'memory',
    kind: 'query',
    url: prometheus.url,
    query: 'max(memory_bytes{version="{version}"})',
    below: 2_000_000_000,
    for: '2s',
    ...more,
  });

  /** A production whose page the Prometheus scrapes, with this query in its analysis. */
  async function asking(more: object = {}): Promise<Scene> {
    const here = await analysing(memory(more));
    const { host } = new URL(here.production.env['LITTLE_PRODUCTION'] ?? '');
    await prometheus.reload({ targets: [{ address: host }] });
    return here;
  }

  test('a gauge that is over its bound for its time is a breach; below it the soak is healthy', async () => {
    const here = await asking();
    const before = await baseline(here);
    here.production.move(50);
    const { result, heartbeats, cancel } = begin(here.activities.watchWindow, soak(here, before));
    await until(() => newest(heartbeats)?.analysis?.[0]?.verdict === 'healthy');
    expect(newest(heartbeats)?.analysis?.[0]).toMatchObject({ green: 1e9, blue: null });
    here.production.memory(GREEN, 3e9);
    const window = await result;
    expect(window).toMatchObject({
      verdict: 'breached',
      code: 'condition-broken',
      reason: expect.stringMatching(/^memory: 3,000,000,000, expected below 2,000,000,000; it has been so for \d+ s$/),
    });
    cancel();
  });

  test.each([
    ['a mistake in it', { query: 'max(memory_bytes' }, /analysis\): .*parse error.*Correct the query/s],
    ['several numbers', { query: 'memory_bytes' }, /the query is worth 2 numbers, expected one: put sum\(/],
    ['no value for blue', { query: 'max(nothing{version="{blue}"})' }, /The query has no value for 2\.4\.0\./],
  ])('%s is refused before the shift', async (_name, more, message) => {
    const here = await asking(more);
    await until(async () => {
      const answer = await fetch(`${prometheus.url}/api/v1/query?query=count(memory_bytes)`);
      return (await answer.text()).includes('"2"]');
    });
    await expect(baseline(here, 2_000)).rejects.toMatchObject({
      type: 'MetricsUnusable',
      message: expect.stringMatching(message),
    });
  });

  test('counts of a Prometheus are compared as those of a page', async () => {
    const metrics = { kind: 'prometheus', url: prometheus.url, selector: { job: 'test' }, poll: '1s' };
    const here = await analysing({ ...CHECKOUTS, metrics: { ...metrics, ...CHECKOUTS.metrics } });
    const { host } = new URL(here.production.env['LITTLE_PRODUCTION'] ?? '');
    await prometheus.reload({ targets: [{ address: host }] });
    const before = await baseline(here);
    here.production.move(50);
    here.production.failCheckouts(GREEN, 0.4);
    expect(await run(here.activities.watchWindow, soak(here, before))).toMatchObject({
      verdict: 'breached',
      reason: expect.stringMatching(/^checkout-failures: green failed \d+ of \d+ requests .*blue 0 of \d+ requests/),
    });
  });

  test('a number by itself is a value, and one that is no number is none', async () => {
    const here = await analysing(
      memory({ query: 'scalar(vector(1))' }),
      memory({ name: 'nan', query: 'vector(0) / 0' }),
    );
    const before = await baseline(here);
    here.production.move(50);
    const { result, heartbeats, cancel } = begin(here.activities.watchWindow, soak(here, before));
    await until(() => newest(heartbeats)?.analysis?.[0]?.verdict === 'healthy');
    cancel();
    expect(await result).toMatchObject({
      verdict: 'inconclusive',
      analysis: [
        { name: 'memory', green: 1 },
        { name: 'nan', green: null, code: 'no-metrics' },
      ],
    });
  });
});

test('a server that hangs does not keep the watch from the errors of green', async () => {
  const { origin: url } = await serve(() => {});
  const here = await analysing({ ...CHECKOUTS, metrics: { ...CHECKOUTS.metrics, targets: [url] }, critical: false });
  const before = { cursor: null, judge: null, soakStartedAt: 0 };
  here.production.move(50);
  here.production.fail(GREEN, 0.5);
  expect(await run(here.activities.watchWindow, soak(here, before))).toMatchObject({
    verdict: 'breached',
    reason: expect.stringMatching(/^green failed/),
    analysis: [{ verdict: 'inconclusive', code: 'no-metrics', green: null, blue: null }],
  });
});

test('a further metric that cannot be read any more proves no health', async () => {
  let page = '';
  let isAway = false;
  const { origin } = await serve((_, response) => {
    if (isAway) return void response.writeHead(500).end();
    void fetch(page).then(async (answer) => response.end(await answer.text()));
  });
  const here = await analysing({ ...CHECKOUTS, metrics: { ...CHECKOUTS.metrics, targets: [origin] } });
  page = `${here.production.env['LITTLE_PRODUCTION']}/metrics`;
  const before = await baseline(here);
  here.production.move(50);
  const input = { ...soak(here, before, 2_000), until: Date.now() + 300_000 };
  const { result, heartbeats, cancel } = begin(here.activities.watchWindow, input);
  await until(() => newest(heartbeats)?.verdict === 'healthy');
  isAway = true;
  await until(() => /HTTP status 500/.test(newest(heartbeats)?.analysis?.[0]?.reason ?? ''));
  expect(newest(heartbeats)).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringMatching(/^checkout-failures: .*HTTP status 500/),
  });
  cancel();
  await result;
});

describe('the judgement of all metrics together', () => {
  const healthy: Judgement = { verdict: 'healthy', reason: 'errors are fine' };
  const unproven: Judgement = { verdict: 'inconclusive', reason: 'more time', code: 'insufficient-data', missingMs: 5 };
  const further = (judgement: Judgement, more: { critical?: boolean; mayWait?: boolean } = {}) => ({
    name: 'checkouts',
    kind: 'counted' as const,
    critical: true,
    mayWait: false,
    green: null,
    blue: null,
    ...judgement,
    ...more,
  });
  const breached: Judgement = { verdict: 'breached', reason: 'too many', code: 'limit-exceeded' };
  const suspected: Judgement = { verdict: 'inconclusive', reason: 'odd', code: 'suspected' };
  const missing: Judgement = { verdict: 'inconclusive', reason: 'gone', code: 'no-metrics', exhausted: true };

  test.each([
    ['nothing speaks against it', healthy, [further(healthy)], healthy],
    ['a breach', healthy, [further(breached)], { ...breached, reason: 'checkouts: too many' }],
    ['two breaches', breached, [further(breached)], { ...breached, reason: 'too many; checkouts: too many' }],
    ['a breach that is informational', healthy, [further(breached, { critical: false })], healthy],
    ['a doubt', healthy, [further(suspected)], { ...suspected, reason: 'checkouts: odd' }],
    ['a doubt beside missing time', unproven, [further(suspected)], { ...suspected, reason: 'checkouts: odd' }],
    ['a doubt of each', suspected, [further(missing)], suspected],
    ['no counts', healthy, [further(missing)], { ...missing, reason: 'checkouts: gone' }],
    ['too few', healthy, [further(unproven, { mayWait: true })], healthy],
    ['too few, where proof is required', healthy, [further(unproven)], { ...unproven, reason: 'checkouts: more time' }],
    [
      'too few of each',
      unproven,
      [further({ ...unproven, missingMs: 9 })],
      { ...unproven, reason: 'more time; checkouts: more time', missingMs: 9 },
    ],
  ])('%s', (_name, main, all, expected) => {
    expect(joinJudgements(main, all)).toEqual(expected);
  });
});
