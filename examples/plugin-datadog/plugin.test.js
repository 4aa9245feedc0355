import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, beforeEach, describe, test } from 'node:test';
import { registryWith } from 'bluegreen';
import { metricsConformance } from 'bluegreen/testing';
import plugin from './index.js';
import { KEYS, startDatadog } from './stand-in.js';

/**
 * The kind against a stand-in on this machine, and against answers that were written from the documentation of the API.
 * Datadog itself is not reached.
 */

const registry = registryWith([plugin]);
const datadog = await startDatadog();
after(() => datadog.stop());
beforeEach(() => {
  datadog.forget();
  datadog.answer(() => undefined);
});
const { signal } = new AbortController();
const recorded = (name) => JSON.parse(readFileSync(new URL(`recorded/${name}.json`, import.meta.url), 'utf8'));

const RUNBOOK = {
  kind: 'datadog',
  site: 'datadoghq.com',
  url: datadog.url,
  apiKeyEnv: 'DD_API_KEY',
  appKeyEnv: 'DD_APP_KEY',
  filter: 'env:production,service:shop',
  requests: 'trace.http.request.hits',
  failed: 'trace.http.request.errors',
  latency: 'trace.http.request',
  latencyUnit: 'seconds',
  versionTag: 'version',
  bucket: 10_000,
  delay: 60_000,
  poll: 30_000,
  timeout: 5_000,
};

function source(config = {}, { blue = '2.4.0', green = '2.5.0', env = KEYS } = {}) {
  const target = { deployment: 'w/r', service: 'shop', environment: 'production', blue, green, digest: 'd' };
  const limits = { errorRate: 0.05, latency: { quantile: 0.95, underMs: 500 } };
  const context = { target, env, log: console, limits, compared: { blue, green } };
  return registry.metrics({ ...RUNBOOK, ...config }, context);
}

const quick = { bucket: 1_000, delay: 200, poll: 1_000, timeout: 10_000 };
describe('metrics', () => {
  const suite = metricsConformance({
    source: () => source(quick),
    hanging: () => {
      datadog.answer(() => 'nothing');
      return source(quick);
    },
    versions: ['2.4.0', '2.5.0'],
    serve: (version, counts) => datadog.serve({ version, ...counts }),
    outage: (isOut) => datadog.answer(() => (isOut ? { status: 503, body: {} } : undefined)),
    secrets: [...Object.values(KEYS), '127.0.0.1'],
  });
  for (const { name, run } of suite) test(name, run);
});

/** The recorded answers are of this time. */
const RECORDED_AT = 1_767_268_800_000;
const recently = () => Math.floor((Date.now() - 120_000) / 10_000) * 10_000;
/** A recorded answer, as if it were of now. */
function answerOf(name, at) {
  const body = recorded(name);
  const { attributes } = body.data;
  attributes.times = attributes.times.map((time) => time - RECORDED_AT + at);
  return { body };
}
/** Only the first question gets an answer with data. */
function answerOnce(answer) {
  datadog.answer(() => (datadog.asked.length === 1 ? answer : { body: recorded('empty') }));
}

test('it asks for sums of buckets by version, never for averages', async () => {
  await source().read(null, signal);
  const [{ from, to, interval, queries }] = datadog.asked;
  assert.deepEqual([interval, to - from, from % 10_000], [10_000, 30_000, 0]);
  assert.ok(Date.now() - to >= 60_000, 'younger buckets may be incomplete');
  const tags = '{env:production,service:shop} by {version}';
  assert.deepEqual(
    queries.map(({ query }) => query),
    [
      `sum:trace.http.request.hits${tags}.as_count()`,
      `sum:trace.http.request.errors${tags}.as_count()`,
      `sum:trace.http.request${tags}`,
      `count(v: v>0.5):trace.http.request${tags}.as_count()`,
    ],
  );
});

test('failed requests may be those with further tags, and durations milliseconds', async () => {
  await source({ failed: { filter: 'http.status_class:5xx' }, latencyUnit: 'milliseconds' }).read(null, signal);
  const [{ queries }] = datadog.asked;
  assert.match(
    queries[1].query,
    /^sum:trace\.http\.request\.hits\{env:production,service:shop,http\.status_class:5xx\}/,
  );
  assert.match(queries[3].query, /^count\(v: v>500\):trace/);
});

test('a recorded answer is counted by version, and ends with its newest bucket', async () => {
  const at = recently();
  answerOnce(answerOf('timeseries', at));
  const metrics = source({ poll: 60_000 }, { green: '2.5.0-RC.1+build5' });
  const { cursor, intervals } = await metrics.read({ at }, signal);
  assert.equal(cursor.at, at + 40_000);
  assert.deepEqual(intervals, [
    {
      from: at,
      to: at + 40_000,
      counts: {
        '2.4.0': { requests: 278, failed: 0, slow: 0, seconds: 28.25 },
        '2.5.0-RC.1+build5': { requests: 240, failed: 7, slow: 5, seconds: 0 },
      },
    },
  ]);
});

test('if Datadog is behind, there is nothing new, and what is missing is counted when it is there', async () => {
  const at = recently() - 60_000;
  datadog.serve({ at, version: '2.4.0', requests: 100 });
  const metrics = source();
  const first = await metrics.read({ at }, signal);
  assert.equal(first.cursor.at, at + 10_000);
  assert.deepEqual(await metrics.read(first.cursor, signal), { cursor: first.cursor, intervals: [] });
  datadog.serve({ at: at + 10_000, version: '2.5.0', requests: 50, failed: 5 });
  const { intervals } = await metrics.read(first.cursor, signal);
  assert.deepEqual(intervals, [
    {
      from: at + 10_000,
      to: at + 20_000,
      counts: { '2.5.0': { requests: 50, failed: 5, slow: 0, seconds: 0 } },
    },
  ]);
});

test('a day is asked for in parts that Datadog answers in full', async () => {
  const at = recently() - 86_400_000;
  await source().read({ at }, signal);
  assert.ok(datadog.asked.every(({ from, to }) => (to - from) / 10_000 <= 300));
  const starts = datadog.asked.map(({ from }) => from);
  assert.deepEqual([at, ...datadog.asked.slice(0, -1).map(({ to }) => to)], starts);
});

test('longer buckets than were asked for are refused', async () => {
  const at = recently();
  answerOnce(answerOf('timeseries', at - 5_000));
  await assert.rejects(source().read({ at }, signal), /answered in other buckets than of 10 s/);
});

describe('what goes wrong is said in words, without any key', () => {
  const failing = [
    [
      'forbidden',
      403,
      /refused the keys \(HTTP status 403\): check DD_API_KEY, DD_APP_KEY, metrics\.site and the permission/,
    ],
    ['bad-query', 400, /refused the question: Error parsing query/],
    ['rate-limited', 429, /limits the rate of questions: \d+ s more to wait/],
  ];
  for (const [name, status, words] of failing)
    test(name, async () => {
      datadog.answer(() => ({ status, body: recorded(name), headers: { 'x-ratelimit-reset': '30' } }));
      const metrics = source();
      await assert.rejects(metrics.read(null, signal), {
        type: 'MetricsUnavailable',
        nonRetryable: false,
        message: words,
      });
      if (status !== 429) return;
      await assert.rejects(metrics.read(null, signal), words);
      assert.equal(datadog.asked.length, 1, 'a rate limit is respected');
    });

  test('wrong keys', async () => {
    const env = { ...KEYS, DD_APP_KEY: 'another' };
    await assert.rejects(source({}, { env }).read(null, signal), /refused the keys \(HTTP status 403\)/);
  });

  test('a missing key', async () => {
    await assert.rejects(
      source({}, { env: {} }).read(null, signal),
      /the variable DD_API_KEY is not set on this worker/,
    );
  });

  test('no answer', async () => {
    datadog.answer(() => 'nothing');
    await assert.rejects(source({ timeout: 100 }).read(null, signal), /no answer within 0\.1 s/);
  });

  test('versions that Datadog writes alike', async () => {
    const metrics = source({}, { blue: '2.5.0+a', green: '2.5.0_A' });
    await assert.rejects(metrics.read(null, signal), /writes 2\.5\.0\+a and 2\.5\.0_A alike, as 2\.5\.0_a/);
  });
});

test('before a shift it is found where blue is not known', async () => {
  const { problems } = await source({}, { blue: '1.0.0' }).inspect(null, signal);
  assert.match(problems[0].found, /for trace\.http\.request\.hits in the last hour, expected 1\.0\.0/);
  datadog.serve({ at: recently(), version: '1.0.0', requests: 1 });
  assert.deepEqual((await source({}, { blue: '1.0.0' }).inspect(null, signal)).problems, []);
});
