import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, beforeEach, describe, test } from 'node:test';
import { registryWith } from 'bluegreen';
import { metricsConformance } from 'bluegreen/testing';
import plugin from './index.js';
import { KEYS, startCloudWatch } from './stand-in.js';

/**
 * The kind against a stand-in on this machine, and against answers that were written from the documentation of the API.
 * AWS itself is not reached.
 */

const registry = registryWith([plugin]);
const cloudwatch = await startCloudWatch();
after(() => cloudwatch.stop());
beforeEach(() => cloudwatch.forget());
const { signal } = new AbortController();
const recorded = (name) => JSON.parse(readFileSync(new URL(`recorded/${name}.json`, import.meta.url), 'utf8'));

const MINUTE = 60_000;
const BLUE = 'targetgroup/shop-blue/73e2d6bc24d8a067';
const GREEN = 'targetgroup/shop-green/1f0a6d25c3b7e894';
const GROUPS = { '2.4.0': BLUE, '2.5.0': GREEN };
const RUNBOOK = {
  kind: 'cloudwatch',
  region: 'eu-central-1',
  endpoint: cloudwatch.url,
  credentials: { accessKeyIdEnv: 'ACCESS_KEY_ID', secretAccessKeyEnv: 'SECRET_ACCESS_KEY' },
  loadBalancer: 'app/shop/50dc6c495c0c9188',
  targetGroups: { 'shop-blue': BLUE, 'shop-green': GREEN },
  failed: 'unanswered',
  period: MINUTE,
  delay: 2 * MINUTE,
  poll: MINUTE,
  timeout: 5_000,
};

function source(config = {}, { slots = { '2.4.0': 'shop-blue', '2.5.0': 'shop-green' }, env = KEYS } = {}) {
  const compared = { blue: '2.4.0', green: '2.5.0' };
  const target = { deployment: 'w/r', service: 'shop', environment: 'production', ...compared, digest: 'd' };
  const limits = { errorRate: 0.05, latency: { quantile: 0.95, underMs: 500 } };
  const context = {
    target,
    env,
    log: console,
    limits,
    compared,
    ...(slots !== 'missing' && { slots: async () => slots }),
  };
  return registry.metrics({ ...RUNBOOK, ...config }, context);
}

const quick = { period: 1_000, delay: 200, poll: 1_000, timeout: 10_000 };
describe('metrics', () => {
  const suite = metricsConformance({
    source: () => source(quick),
    hanging: () => {
      cloudwatch.answer(() => 'nothing');
      return source(quick);
    },
    versions: ['2.4.0', '2.5.0'],
    serve: (version, { requests, failed, slow, seconds }) =>
      cloudwatch.serve({
        group: GROUPS[version],
        requests,
        slow,
        seconds,
        statuses: { '2XX': requests - failed, '5XX': failed },
      }),
    outage: (isOut) => cloudwatch.answer(() => (isOut ? { status: 503, body: {} } : undefined)),
    secrets: [...Object.values(KEYS), '127.0.0.1'],
  });
  for (const { name, run } of suite) test(name, run);
});

const recently = () => Math.floor((Date.now() - 5 * MINUTE) / MINUTE) * MINUTE;

test('it asks for sums and trimmed counts of both target groups, never for averages and percentiles', async () => {
  await source().read(null, signal);
  const [{ StartTime, EndTime, MetricDataQueries }] = cloudwatch.asked;
  assert.deepEqual([EndTime - StartTime, StartTime % 60], [60, 0]);
  assert.ok(Date.now() - EndTime * 1_000 >= 2 * MINUTE, 'younger periods may be incomplete');
  const [{ MetricStat }] = MetricDataQueries;
  assert.deepEqual(MetricStat, {
    Metric: {
      Namespace: 'AWS/ApplicationELB',
      MetricName: 'RequestCount',
      Dimensions: [
        { Name: 'LoadBalancer', Value: 'app/shop/50dc6c495c0c9188' },
        { Name: 'TargetGroup', Value: BLUE },
      ],
    },
    Period: 60,
    Stat: 'Sum',
  });
  const stats = MetricDataQueries.map((query) => `${query.MetricStat.Metric.MetricName} ${query.MetricStat.Stat}`);
  assert.deepEqual(stats.slice(0, 6), [
    'RequestCount Sum',
    'HTTPCode_Target_2XX_Count Sum',
    'HTTPCode_Target_3XX_Count Sum',
    'HTTPCode_Target_4XX_Count Sum',
    'TargetResponseTime Sum',
    'TargetResponseTime TC(0.5:)',
  ]);
  assert.deepEqual(stats.slice(6), stats.slice(0, 6));
});

/** The recorded answers are of this time, in seconds. */
const RECORDED_AT = 1_767_268_800;
function answerOf(name, at) {
  const body = recorded(name);
  for (const result of body.MetricDataResults)
    result.Timestamps = result.Timestamps.map((time) => time - RECORDED_AT + at / 1_000);
  return { body };
}

test('a recorded answer is counted by version: what no target answered has failed', async () => {
  const at = recently();
  cloudwatch.answer(() => answerOf('get-metric-data', at));
  const { cursor, intervals } = await source({ poll: 3 * MINUTE, delay: 1 }).read({ at }, signal);
  assert.equal(cursor.at, at + 3 * MINUTE);
  assert.deepEqual(intervals, [
    {
      from: at,
      to: at + 3 * MINUTE,
      counts: {
        '2.4.0': { requests: 3590, failed: 3, slow: 14, seconds: 251.75 },
        // A green that hangs in the last minute: requests, but no answer of any kind.
        '2.5.0': { requests: 3580, failed: 1750, slow: 53, seconds: 151 },
      },
    },
  ]);
});

test('failed may be what targets answered with 5xx, and refused connections', async () => {
  const at = recently();
  cloudwatch.serve({ at, group: GREEN, requests: 100, statuses: { '2XX': 80, '5XX': 9 }, refused: 4 });
  const { intervals } = await source({ failed: '5xx' }).read({ at }, signal);
  assert.deepEqual(intervals[0].counts, { '2.5.0': { requests: 100, failed: 13, slow: 0, seconds: 0 } });
});

test('an answer in pages is read to its end', async () => {
  const at = recently();
  for (const minute of [0, 1, 2])
    cloudwatch.serve({ at: at + minute * MINUTE, group: BLUE, requests: 10, statuses: { '2XX': 10 }, seconds: 1 });
  cloudwatch.pages(2);
  const { intervals } = await source({ poll: 10 * MINUTE }).read({ at }, signal);
  assert.deepEqual(intervals[0].counts, { '2.4.0': { requests: 30, failed: 0, slow: 0, seconds: 3 } });
  assert.equal(cloudwatch.asked.length, 5);
  assert.equal(cloudwatch.asked[1].NextToken, '2');
});

test('if CloudWatch is behind, there is nothing new, and what is missing is counted when it is there', async () => {
  const at = recently();
  cloudwatch.serve({ at, group: BLUE, requests: 100, statuses: { '2XX': 100 } });
  const metrics = source();
  const first = await metrics.read({ at }, signal);
  assert.equal(first.cursor.at, at + MINUTE);
  assert.deepEqual(await metrics.read(first.cursor, signal), { cursor: first.cursor, intervals: [] });
  cloudwatch.serve({ at: at + MINUTE, group: GREEN, requests: 50, statuses: { '2XX': 45 } });
  const { intervals } = await metrics.read(first.cursor, signal);
  assert.deepEqual(intervals, [
    {
      from: at + MINUTE,
      to: at + 2 * MINUTE,
      counts: { '2.5.0': { requests: 50, failed: 5, slow: 0, seconds: 0 } },
    },
  ]);
});

describe('what goes wrong is said in words, without any key or account', () => {
  const failing = [
    ['throttling', 400, 'Throttling', /limits the rate of questions\. Raise metrics\.poll/],
    ['access-denied', 400, 'AccessDenied', /access denied: the worker's role needs cloudwatch:GetMetricData$/],
    ['unrecognized-client', 400, 'InvalidClientTokenId', /does not accept the worker's credentials \(\w+\)$/],
    ['internal-error', 200, '', /its answer for RequestCount is not complete \(InternalError\)/],
  ];
  for (const [name, status, code, message] of failing)
    test(name, async () => {
      const headers = code === '' ? {} : { 'x-amzn-query-error': `${code};Sender` };
      cloudwatch.answer(() => ({ status, body: recorded(name), headers }));
      await assert.rejects(source().read(null, signal), { type: 'MetricsUnavailable', nonRetryable: false, message });
    });

  test('an answer without one of the metrics', async () => {
    const body = recorded('get-metric-data');
    body.MetricDataResults.splice(3, 1);
    cloudwatch.answer(() => ({ body }));
    await assert.rejects(source().read(null, signal), /HTTPCode_Target_4XX_Count is not complete \(no answer\)/);
  });

  test('wrong keys, and missing ones', async () => {
    const env = { ...KEYS, ACCESS_KEY_ID: 'AKIDOTHER' };
    await assert.rejects(source({}, { env }).read(null, signal), /does not accept the worker's credentials/);
    await assert.rejects(source({}, { env: {} }).read(null, signal), /the variable ACCESS_KEY_ID is not set/);
  });

  test('no answer', async () => {
    cloudwatch.answer(() => 'nothing');
    await assert.rejects(source({ timeout: 200 }).read(null, signal), /no answer within 0\.2 s/);
  });

  test('versions without a slot, or in a slot without a target group of its own', async () => {
    for (const slots of ['missing', null, {}])
      await assert.rejects(source({}, { slots }).read(null, signal), /nobody says which version runs in which slot/);
    const notBlue = { '2.5.0': 'shop-green' };
    await assert.rejects(source({}, { slots: notBlue }).read(null, signal), /does not say in which slot 2\.4\.0 runs/);
    const other = { '2.4.0': 'shop-blue', '2.5.0': 'shop-c' };
    await assert.rejects(source({}, { slots: other }).read(null, signal), /has no slot shop-c, in which 2\.5\.0 runs/);
    const same = { '2.4.0': 'shop-blue', '2.5.0': 'shop-blue' };
    await assert.rejects(
      source({}, { slots: same }).read(null, signal),
      /2\.4\.0 and 2\.5\.0 have the same target group/,
    );
  });
});

test('only the versions that are compared need a target group, and green has none before it is deployed', async () => {
  await source({}, { slots: { '2.4.0': 'shop-blue', '1.0.0': 'shop-old' } }).read(null, signal);
  assert.equal(cloudwatch.asked[0].MetricDataQueries.length, 6);
});

test('before a shift it is found where blue has no requests', async () => {
  const { problems } = await source().inspect(null, signal);
  assert.match(problems[0].found, /CloudWatch has no requests in the last hour, expected requests of 2\.4\.0/);
  cloudwatch.serve({ at: recently(), group: BLUE, requests: 1 });
  assert.deepEqual((await source().inspect(null, signal)).problems, []);
});
