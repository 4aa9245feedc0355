import { expect, test } from '@jest/globals';
import { otherVersions } from '../../src/activities/other-versions.ts';
import { metricsProblems } from '../../src/metrics/preflight.ts';
import { freshCounts, mergeReadings } from '../../src/plugin/counters.ts';
import type { Slots } from '../../src/plugin/index.ts';
import { useServers } from '../support/http.ts';
import { createScrape, metricsSchema } from './support/counters.ts';

const startServer = useServers();
const signal = new AbortController().signal;
const versions = { blue: 'v1', green: 'v2' };
const ERRORS = { errorRate: 0.05 };
const LATENCY = { ...ERRORS, latency: { quantile: 0.95, underMs: 500 } };
const LATENCY_METRIC = { latency: 'http_request_duration_seconds' };

interface Asked {
  readonly limits?: typeof LATENCY | typeof ERRORS;
  readonly latency?: string | { readonly metric: string; readonly versionLabel: string };
  readonly slotLabel?: string;
  readonly slotValue?: string;
  /** As the router says. */
  readonly slots?: Slots;
  /** As a runbook says it. */
  readonly selector?: unknown;
}

/** A real page of these lines, read as a runbook with these keys asks for it. */
async function pageOf(lines: () => readonly string[], { limits = ERRORS, slots = {}, ...keys }: Asked = {}) {
  const { origin } = await startServer((_, response) => response.end(`${lines().join('\n')}\n`));
  const config = metricsSchema.parse({
    kind: 'scrape',
    targets: [`${origin}/metrics`],
    requests: 'http_requests_total',
    ...keys,
  });
  const notices: string[] = [];
  const source = createScrape(config, limits, {
    env: {},
    versions,
    slots: async () => slots,
    notice: (text) => notices.push(text),
  });
  const problems = async () => metricsProblems(await source.inspect(signal), { ...versions, limits });
  return { source, problems, notices };
}

const requests = (labels: string, count: number) => `http_requests_total{${labels}} ${count}`;

/** A histogram and the counter beside it. */
function timed(
  version: string,
  ends: readonly number[],
  durations: readonly number[],
  name = 'http_request_duration_seconds',
) {
  const label = `version="${version}"`;
  return [
    requests(`${label},code="200"`, durations.length),
    ...[...ends, Number.POSITIVE_INFINITY].map(
      (end) =>
        `${name}_bucket{${label},le="${end === Number.POSITIVE_INFINITY ? '+Inf' : end}"} ${durations.filter((each) => each <= end).length}`,
    ),
    `${name}_sum{${label}} ${durations.reduce((sum, each) => sum + each, 0)}`,
    `${name}_count{${label}} ${durations.length}`,
  ];
}
const times = (count: number, seconds: number) => Array.from({ length: count }, () => seconds);

test.each([
  ['gRPC codes by number', ['0', '14']],
  ['gRPC codes by name', ['OK', 'Internal']],
  ['classifications', ['SUCCESS', 'SERVER_ERROR']],
  ['digits of a class', ['2', '5']],
  ['nothing but what means no answer', ['0']],
])('a status label with %s is refused before the shift', async (_name, codes) => {
  const { problems } = await pageOf(() => codes.map((code) => requests(`version="v1",code="${code}"`, 100)));
  expect(await problems()).toEqual([
    {
      found: expect.stringMatching(/^http_requests_total of v1 has code=".*, expected an HTTP status \(200, 503\)/),
      unblock: expect.stringContaining('metrics.codeLabel'),
    },
  ]);
});

test.each([
  ['only ever 200', ['200']],
  ['classes', ['2xx', '5XX']],
  ['a few requests without an answer, as Istio counts them', ['200', '503', '0']],
])('a status label with %s is fine', async (_name, codes) => {
  const { problems } = await pageOf(() => codes.map((code) => requests(`version="v1",code="${code}"`, 100)));
  expect(await problems()).toEqual([]);
});

test('a status that was announced and never counted is no obstacle: HAProxy has one', async () => {
  const { problems } = await pageOf(() => [
    requests('version="v1",code="2xx"', 9),
    requests('version="v1",code="what"', 0),
  ]);
  expect(await problems()).toEqual([]);
});

test('what is no status counts as failed, also when it turns up in the middle of a soak', async () => {
  const lines = [requests('version="v1",code="200"', 100)];
  const { source } = await pageOf(() => lines);
  const before = await source.read(signal);
  lines.push(
    requests('version="v2",code="Internal"', 40),
    requests('version="v2",code="0"', 2),
    requests('version="v2",code="200"', 60),
  );
  expect(freshCounts(before, await source.read(signal))['v2']).toMatchObject({ requests: 102, failed: 42 });
});

const twoServices = [
  requests('version="v1",code="200",service="shop"', 100),
  requests('version="v1",code="500",service="cart"', 100),
];

test('two services on one page are refused, before the shift and in a soak, until a selector says which', async () => {
  const both = await pageOf(() => twoServices);
  expect(await both.problems()).toEqual([
    {
      found: expect.stringContaining('http_requests_total of v1 has service="shop", "cart"'),
      unblock: expect.stringContaining('{ service: "shop" }'),
    },
  ]);
  await expect(both.source.read(signal)).rejects.toMatchObject({
    type: 'MetricsUnavailable',
    message: expect.stringContaining('service="shop", "cart"'),
  });

  for (const selector of [{ service: 'shop' }, '{service="shop"}', '{service!~"c.*"}']) {
    const { source, problems } = await pageOf(() => twoServices, { selector });
    expect(await problems()).toEqual([]);
    expect((await source.read(signal)).series['0/v1']).toMatchObject({ requests: 100, failed: 0 });
  }
  const all = await pageOf(() => twoServices, { selector: '{service=~".+"}' }); // a person says that both are one
  expect((await all.source.read(signal)).series['0/v1']).toMatchObject({ requests: 200 });
});

test.each(['upstream', 'backend', 'cluster', 'host', 'app', 'job', 'destination_service'])(
  '%s tells services apart',
  async (label) => {
    const { problems } = await pageOf(() =>
      ['a', 'b'].map((value) => requests(`version="v1",code="200",${label}="${value}"`, 9)),
    );
    expect(await problems()).toHaveLength(1);
  },
);

test.each([
  'method',
  'path',
  'route',
  'instance',
  'pod',
  'protocol',
  'response_flags',
  'source_workload',
  'http_route',
])('series that differ in %s belong together', async (label) => {
  const { problems } = await pageOf(() =>
    ['a', 'b'].map((value) => requests(`version="v1",code="200",${label}="${value}"`, 9)),
  );
  expect(await problems()).toEqual([]);
});

test('what callers and callees both count is counted twice', async () => {
  const { problems } = await pageOf(() =>
    ['source', 'destination'].map((reporter) => requests(`version="v1",code="200",reporter="${reporter}"`, 9)),
  );
  expect(await problems()).toEqual([
    {
      found: expect.stringContaining('each request of v1 is counted twice'),
      unblock: expect.stringContaining('{ reporter: "source" }'),
    },
  ]);
});

test('a selector that nothing meets, and one with a condition on the version, are named', async () => {
  const { source } = await pageOf(() => twoServices, { selector: { service: 'shpo' } });
  await expect(source.read(signal)).rejects.toThrow(
    'metric http_requests_total has no series that meets metrics.selector',
  );
  await expect(pageOf(() => twoServices, { selector: { version: 'v1' } })).rejects.toThrow('found a condition on');
  await expect(pageOf(() => twoServices, { selector: '{service=~"(?i)shop"}' })).rejects.toThrow('found the pattern');
});

const ENDS = [0.05, 0.1, 0.25, 0.5, 1];

test('a summary has no buckets, which is said before the shift', async () => {
  const { problems, source } = await pageOf(
    () => [
      '# TYPE http_request_duration_seconds summary',
      requests('version="v1",code="200"', 100),
      'http_request_duration_seconds_sum{version="v1"} 250',
      'http_request_duration_seconds_count{version="v1"} 100',
    ],
    { limits: LATENCY, ...LATENCY_METRIC },
  );
  expect(await problems()).toEqual([
    {
      found: expect.stringContaining('http_request_duration_seconds has no buckets'),
      unblock: expect.stringContaining('a summary'),
    },
  ]);
  await expect(source.read(signal)).rejects.toThrow('has no buckets');
});

test('requests of the version that ran in the slot before need no buckets; requests of green itself do', async () => {
  let answered = 100;
  const bySlot = { slotLabel: 'slot', latency: { metric: 'http_request_duration_seconds', versionLabel: 'version' } };
  const { problems, source } = await pageOf(
    () => [
      ...timed('v1', [0.5, 1], times(100, 0.1)),
      requests('slot="a",code="200"', 100),
      requests('slot="b",code="200"', answered),
    ],
    { limits: LATENCY, ...bySlot, slots: { v1: 'a', v2: 'b' } },
  );
  expect(await problems()).toEqual([]);
  answered += 100;
  expect(await problems()).toEqual([
    { found: expect.stringContaining('requests of v2 are counted'), unblock: expect.anything() },
  ]);
  await expect(source.read(signal)).rejects.toThrow('has no buckets');
});

test('a slot that the metrics write in another way is named, with how to say so', async () => {
  const service = (slot: string) => requests(`service="prod-rec-${slot}-http-80@kubernetesgateway",code="200"`, 100);
  const bySlot = { slotLabel: 'service', slots: { v1: 'rec-blue', v2: 'rec-green' } };
  const { problems } = await pageOf(() => [service('blue'), service('green')], bySlot);
  expect(await problems()).toEqual([
    {
      found: expect.stringContaining('none of them is rec-blue'),
      unblock:
        'if the metrics write the slot rec-blue so, say it: metrics.slotValue: "prod-{slot}-http-80@kubernetesgateway"',
    },
  ]);
  const slotValue = 'prod-{slot}-http-80@kubernetesgateway';
  expect(await (await pageOf(() => [service('blue'), service('green')], { ...bySlot, slotValue })).problems()).toEqual(
    [],
  );
  const other = await pageOf(() => [requests('service="backend/0",code="200"', 100)], bySlot);
  expect(await other.problems()).toEqual([
    { found: expect.anything(), unblock: expect.stringContaining('in metrics.slotValue how the metrics write a slot') },
  ]);
});

test('milliseconds are known by the name of the histogram', async () => {
  const name = 'istio_request_duration_milliseconds';
  const { problems, source } = await pageOf(
    () => timed('v1', [0.5, 100, 500, 1000], [...times(90, 60), ...times(10, 800)], name),
    {
      limits: LATENCY,
      latency: name,
    },
  );
  expect(await problems()).toEqual([]);
  expect((await source.read(signal)).series['0/v1']).toMatchObject({
    slow: 10,
    slowOver: 0.5,
    seconds: expect.closeTo(13.4),
  });
});

test('milliseconds under another name are not believed', async () => {
  const { problems } = await pageOf(() => timed('v1', [0.5, 100, 500, 1000, 10000], times(100, 60)), {
    limits: LATENCY,
    ...LATENCY_METRIC,
  });
  expect(await problems()).toEqual([
    {
      found: expect.stringMatching(
        /^100 % of blue's requests \(100 of 100\) are over 0\.5 s .* end at 0\.5, 100 \.\. 10000: is it in milliseconds\?$/,
      ),
      unblock: expect.stringContaining('unit: milliseconds'),
    },
  ]);
});

test('where the only line in common is one that blue itself exceeds, nothing can be proven: refused before the shift', async () => {
  const durations = [...times(88, 0.05), ...times(12, 0.3)];
  const page = [...timed('v1', ENDS, durations), ...timed('v2', [0.05, 0.1, 0.25, 1], [])];
  const { problems } = await pageOf(() => page, { limits: LATENCY, ...LATENCY_METRIC });
  expect(await problems()).toEqual([
    {
      found: expect.stringMatching(
        /^12 % of blue's requests are over 0\.25 s, .* limit of 0\.5 s .* green's have none at the limit/,
      ),
      unblock: expect.stringContaining('a bucket that ends at 0.5 s for both versions'),
    },
  ]);
  const fast = [...timed('v1', ENDS, times(100, 0.05)), ...timed('v2', [0.05, 0.1, 0.25, 1], [])];
  expect(await (await pageOf(() => fast, { limits: LATENCY, ...LATENCY_METRIC })).problems()).toEqual([]);
});

test('blue and green are divided at an end that both have, from when green is seen', async () => {
  const durations = (count: number) => [...times(count * 0.88, 0.05), ...times(count * 0.12, 0.3)];
  let lines = timed('v1', ENDS, durations(100));
  const { source } = await pageOf(() => lines, { limits: LATENCY, ...LATENCY_METRIC });
  let carry = mergeReadings(null, await source.read(signal));
  const next = async () => {
    const reading = await source.read(signal);
    const fresh = freshCounts(carry, reading);
    carry = mergeReadings(carry, reading);
    return fresh;
  };
  const greenEnds = [0.05, 0.1, 0.25, 1];
  lines = [...timed('v1', ENDS, durations(200)), ...timed('v2', greenEnds, durations(100))];
  // Blue was divided at 0.5 s so far: what is new in between is not known, and must not look like slow requests.
  expect(await next()).toMatchObject({ v1: { requests: 100, slow: 0 }, v2: { requests: 100, slow: 12 } });
  lines = [...timed('v1', ENDS, durations(300)), ...timed('v2', greenEnds, durations(200))];
  expect(await next()).toMatchObject({ v1: { requests: 100, slow: 12 }, v2: { requests: 100, slow: 12 } });
  expect((await source.inspect(signal)).slowAbove).toEqual([
    { version: 'v1', seconds: 0.25 },
    { version: 'v2', seconds: 0.25 },
  ]);
});

test('blue and green without an end in common cannot be compared; what nobody compares is no obstacle', async () => {
  const green = await pageOf(
    () => [...timed('v1', [0.1, 0.5], times(9, 0.05)), ...timed('v2', [0.2, 0.4], times(9, 0.05))],
    {
      limits: LATENCY,
      ...LATENCY_METRIC,
    },
  );
  await expect(green.source.read(signal)).rejects.toMatchObject({
    type: 'MetricsUnavailable',
    message: expect.stringMatching(/^blue and green cannot be compared: .*\(v1: 0\.1, 0\.5; v2: 0\.2, 0\.4\)$/),
  });
  const other = await pageOf(
    () => [...timed('v1', [0.1, 0.5], times(9, 0.05)), ...timed('v0', [2, 4], times(9, 0.05))],
    {
      limits: LATENCY,
      ...LATENCY_METRIC,
    },
  );
  expect((await other.source.read(signal)).series['0/v1']).toMatchObject({ slow: 0, slowOver: 0.5 });
});

test('a version by another name: the metrics say whom they know', async () => {
  const { problems } = await pageOf(() => [requests('version="v1_build4",code="200"', 9)]);
  expect(await problems()).toEqual([
    {
      found: 'the metrics count requests of v1_build4; none of them is v1',
      unblock: expect.stringContaining('"v1" in the label "version"'),
    },
  ]);
  const counts = { v1: { requests: 3 }, v2_b: { requests: 5 }, old: { requests: 0 } };
  expect(otherVersions(counts, versions)).toBe('the metrics count requests of v2_b instead');
  expect(otherVersions({ v1: { requests: 3 } }, versions)).toBeUndefined();
});

test('no version label at all is said with the labels that there are', async () => {
  const { source } = await pageOf(() => ['target_info{version="v1"} 1', requests('code="200",instance="a"', 9)]);
  await expect(source.inspect(signal)).rejects.toThrow(
    'metric http_requests_total has no label "version", which is to hold the version (metrics.versionLabel); its labels are code, instance',
  );
});
