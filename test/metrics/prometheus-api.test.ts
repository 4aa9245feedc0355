import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { PrometheusConfig } from '../../src/metrics/prometheus/schema.ts';
import { countsOf, createPrometheus } from './support/counters.ts';

/** What a server answered, as recorded from its documentation or from itself, in the cases that are rare in life. */

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

const signal = new AbortController().signal;
const LIMITS = { errorRate: 0.05, latency: { quantile: 0.95, underMs: 1_000 } };
const NOW = Math.floor(Date.now() / 1_000);

type Labels = Readonly<Record<string, string>>;
interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

const series = (labels: Labels, ...values: readonly (readonly [time: number, value: string])[]) => ({
  metric: labels,
  values,
});
const matrix = (...result: readonly unknown[]): Answer => ({
  body: { status: 'success', data: { resultType: 'matrix', result } },
});
const vector = (...result: readonly (readonly [Labels, string])[]): Answer => ({
  body: {
    status: 'success',
    data: { resultType: 'vector', result: result.map(([metric, value]) => ({ metric, value: [NOW, value] })) },
  },
});
const requests = (more: Labels = {}): Labels => ({
  __name__: 'http_requests_total',
  version: '2.5.0',
  code: '200',
  ...more,
});
const bucket = (le: string, more: Labels = {}): Labels => ({
  __name__: 'http_request_duration_seconds_bucket',
  version: '2.5.0',
  le,
  ...more,
});
const READY = [
  series(requests(), [NOW - 15, '10']),
  series(bucket('1'), [NOW - 15, '9']),
  series(bucket('+Inf'), [NOW - 15, '10']),
];

/** The parts of what a source asks; by default a healthy server of version 2.5.0 answers. */
interface Server9090 {
  readonly raw?: (request: IncomingMessage) => Answer;
  readonly ends?: Answer | (() => Answer);
  readonly count?: Answer;
  readonly up?: Answer;
  readonly any?: Answer;
}
async function serve({
  raw = () => matrix(...READY),
  ends = vector([{ version: '2.5.0', le: '1' }, '1'], [{ version: '2.5.0', le: '+Inf' }, '1']),
  count = vector([{}, '3']),
  up = vector([{}, '1']),
  any = vector(),
}: Server9090) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? '', 'http://here').searchParams.get('query') ?? '';
    asked.push(query);
    const { status = 200, headers = {}, body } = answerTo(query, request);
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  function answerTo(query: string, request: IncomingMessage): Answer {
    if (query.endsWith('s]')) return raw(request);
    if (query.startsWith('count by')) return typeof ends === 'function' ? ends() : ends;
    if (query === 'count(up)') return up;
    return query.includes('__name__') ? count : any;
  }
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  return { url: `http://127.0.0.1:${address.port}`, asked };
}

function configOf(url: string, more: Partial<PrometheusConfig> = {}): PrometheusConfig {
  return {
    kind: 'prometheus',
    url,
    selector: [{ label: 'service', operator: '=', value: 'shop' }],
    requests: 'http_requests_total',
    latency: 'http_request_duration_seconds',
    versionLabel: 'version',
    codeLabel: 'code',
    versionValue: '{version}',
    failed: 'status',
    poll: 15_000,
    timeout: 5_000,
    headers: {},
    ...more,
  };
}

async function sourceOf(server: Server9090, { more = {}, env = {} }: { more?: object; env?: NodeJS.ProcessEnv } = {}) {
  const { url, asked } = await serve(server);
  const notices: string[] = [];
  const source = createPrometheus(configOf(url, more), LIMITS, { env, notice: (text) => notices.push(text) });
  return { source, asked, notices, url };
}

/** Why nothing was read. Whatever it is, another try may help, and no address is told. */
async function problemOf(server: Server9090, options?: Parameters<typeof sourceOf>[1]): Promise<string> {
  const { source } = await sourceOf(server, options);
  const failure: Error = await source.read(null, signal).then(
    () => Promise.reject(new Error('it was read')),
    (error) => error,
  );
  expect(failure).toMatchObject({ type: 'MetricsUnavailable', nonRetryable: false });
  expect(failure.message).toMatch(/^Prometheus/);
  expect(failure.message).not.toMatch(/https?:|127\.0/);
  return failure.message;
}

const failed = (status: number, error: string, headers: Labels = {}): Server9090 => ({
  raw: () => ({ status, headers, body: { status: 'error', errorType: 'execution', error } }),
});
const nothing = { raw: () => matrix() };

describe('no reading, in words', () => {
  test.each<[string, Server9090, string | RegExp]>([
    ['asked too often', failed(429, 'rate limited'), 'it is asked too often (HTTP status 429): rate limited'],
    ['busy', failed(503, 'query timed out'), 'it is not ready, or too busy (HTTP status 503): query timed out'],
    [
      'too much',
      failed(422, 'query processing would load too many samples into memory'),
      'it could not evaluate the query (HTTP status 422): query processing would load too many samples into memory',
    ],
    ['no login', failed(401, 'who?'), 'it wants a token'],
    ['a login page', { raw: () => ({ body: '<html>Sign in</html>' }) }, 'it answered, but not with JSON'],
    [
      'a part of the data',
      {
        raw: () => ({
          body: {
            status: 'success',
            data: { resultType: 'matrix', result: READY },
            warnings: ['store http://10.0.0.7:10901: no answer'],
          },
        }),
      },
      'its answer may lack a part of the data: store [url] no answer',
    ],
    [
      'a part of the data of VictoriaMetrics',
      {
        raw: () => ({
          body: { status: 'success', isPartial: true, data: { resultType: 'matrix', result: READY } },
        }),
      },
      'its answer may lack a part of the data',
    ],
    ['nothing scraped at all', { ...nothing, up: vector() }, 'no fresh sample of anything, not even of "up"'],
    ['another name', nothing, 'no fresh sample of http_requests_total at all: is its name right'],
    [
      'another selector',
      { ...nothing, any: vector([{}, '4']) },
      'no fresh sample of http_requests_total{service="shop"}, though of http_requests_total: is metrics.selector right',
    ],
    [
      'no version',
      { raw: () => matrix(series({ __name__: 'http_requests_total', code: '200' }, [NOW, '1'])) },
      'metric http_requests_total has no label "version"',
    ],
    [
      'no code',
      { raw: () => matrix(series({ __name__: 'http_requests_total', version: '2.5.0' }, [NOW, '1'])) },
      'metric http_requests_total has no label "code"',
    ],
    [
      'no histogram',
      { raw: () => matrix(READY[0]), ends: vector() },
      'has no histogram http_request_duration_seconds of this service, neither classic nor native',
    ],
    [
      'only buckets over the limit',
      { ends: vector([{ version: '2.5.0', le: '5' }, '1'], [{ version: '2.5.0', le: '+Inf' }, '1']) },
      'histogram http_request_duration_seconds of 2.5.0 has no bucket at or below the latency limit',
    ],
    [
      'only buckets over the limit, and too many series to read each',
      {
        ends: vector([{ version: '2.5.0', le: '5' }, '1'], [{ version: '2.5.0', le: '+Inf' }, '1']),
        count: vector([{}, '5000']),
        any: vector([{}, '5000']),
      },
      'histogram http_request_duration_seconds of 2.5.0 has no bucket at or below the latency limit',
    ],
    [
      'two Prometheis of one pair',
      {
        raw: () =>
          matrix(
            ...['a', 'b'].map((replica) => series(requests({ prometheus_replica: replica }), [NOW, '1'])),
            ...READY.slice(1),
          ),
      },
      'each request is counted twice, by two values of the label "prometheus_replica"',
    ],
  ])('%s', async (_name, server, words) => {
    expect(await problemOf(server)).toMatch(words);
  });

  test('a secret that is missing is named', async () => {
    expect(await problemOf({}, { more: { auth: { tokenEnv: 'SHOP_TOKEN' } } })).toContain('SHOP_TOKEN');
    expect(await problemOf({}, { more: { caFile: '/nowhere/ca.pem' } })).toContain(
      'the file /nowhere/ca.pem with the CA',
    );
  });

  test('who asks is told by the variable, never by its value', async () => {
    const env = { SHOP_LOGIN: 'ana:pass-phrase', SHOP_TENANT: 'tenant-seven' };
    const said = await problemOf(
      {
        ends: {
          status: 401,
          body: { status: 'error', error: `pass-phrase of tenant-seven, ${btoa('ana:pass-phrase')}` },
        },
      },
      { env, more: { auth: { basicEnv: 'SHOP_LOGIN' }, headers: { 'X-Scope-OrgID': { env: 'SHOP_TENANT' } } } },
    );
    expect(said).toBe(
      'Prometheus: it does not accept the user and password of the variable SHOP_LOGIN (HTTP status 401): [redacted] of [redacted], [redacted]',
    );
  });

  test('a server that wants to be left alone is', async () => {
    const { source, asked } = await sourceOf(failed(429, 'slow down', { 'retry-after': '30' }));
    await expect(source.read(null, signal)).rejects.toThrow('asked too often');
    const before = asked.length;
    await expect(source.read(null, signal)).rejects.toThrow(/asked for (29|30) s more without questions/);
    expect(asked).toHaveLength(before);
  });

  test('a reading that is called off rejects with the reason', async () => {
    const stop = new AbortController();
    const { source } = await sourceOf({
      raw: () => {
        stop.abort(new Error('called off'));
        return matrix();
      },
    });
    await expect(source.read(null, stop.signal)).rejects.toThrow('called off');
  });
});

test('what is asked: one selector for everything, and who asks in headers', async () => {
  let headers: IncomingMessage['headers'] = {};
  const { source, asked } = await sourceOf(
    {
      raw: (request) => {
        headers = request.headers;
        return matrix(...READY);
      },
    },
    {
      env: { SHOP_TOKEN: 'abc-def' },
      more: { auth: { tokenEnv: 'SHOP_TOKEN' }, headers: { 'X-Scope-OrgID': 'shop' } },
    },
  );
  await source.read(null, signal);
  expect(headers).toMatchObject({ authorization: 'Bearer abc-def', 'x-scope-orgid': 'shop' });
  expect(asked.at(-1)).toBe(
    '{__name__=~"http_requests_total|http_request_duration_seconds|http_request_duration_seconds_sum|' +
      'http_request_duration_seconds_bucket|process_start_time_seconds",service="shop",le=~"|\\\\+Inf|1|1\\\\.0"}[300s]',
  );
});

test('a token in a file that is replaced is used from the next reading', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-token-'));
  const file = join(folder, 'token');
  const used: (string | undefined)[] = [];
  const { source } = await sourceOf(
    {
      raw: (request) => {
        used.push(request.headers.authorization);
        return matrix(...READY);
      },
    },
    { env: { SHOP_TOKEN_FILE: file }, more: { auth: { tokenEnv: 'SHOP_TOKEN' } } },
  );
  for (const token of ['first-token', 'second-token']) {
    await writeFile(file, `${token}\n`);
    await source.read(null, signal);
    expect(used.at(-1)).toBe(`Bearer ${token}`);
  }
  await rm(folder, { recursive: true });
  await expect(source.read(null, signal)).rejects.toThrow(
    'Prometheus: the file that the variable SHOP_TOKEN_FILE names cannot be read on this worker (ENOENT)',
  );
});

test('notes of Prometheus 3 are no warnings', async () => {
  const { source } = await sourceOf({
    raw: () => ({
      body: {
        status: 'success',
        data: { resultType: 'matrix', result: READY },
        infos: ['PromQL info: metric might not be a counter'],
      },
    }),
  });
  expect((await source.inspect(null, signal)).series['2.5.0']).toMatchObject({ requests: 10, slow: 1 });
});

test('the time of a reading is that of its newest sample', async () => {
  const { source } = await sourceOf({});
  expect((await source.read(null, signal)).cursor.at).toBe((NOW - 15) * 1_000);
});

test('a bucket goes on under the spelling of Prometheus 3', async () => {
  let upgraded = false;
  const { source } = await sourceOf({
    raw: () =>
      upgraded
        ? matrix(
            ...READY,
            series(requests(), [NOW, '30']),
            series(bucket('1.0'), [NOW, '25']),
            series(bucket('+Inf'), [NOW - 15, '10'], [NOW, '30']),
          )
        : matrix(...READY),
  });
  const { cursor } = await source.read(null, signal);
  upgraded = true;
  expect(countsOf((await source.read(cursor, signal)).intervals, '2.5.0')).toMatchObject({ slow: 4 });
});

test('a version whose buckets end elsewhere is asked for anew', async () => {
  const blue = { version: '2.4.0' };
  const known: [Labels, string][] = [
    [{ ...blue, le: '1' }, '1'],
    [{ ...blue, le: '+Inf' }, '1'],
  ];
  const result = [
    series(requests(blue), [NOW - 15, '5']),
    series(bucket('1', blue), [NOW - 15, '5']),
    series(bucket('+Inf', blue), [NOW - 15, '5']),
  ];
  const { source, notices } = await sourceOf({ raw: () => matrix(...result), ends: () => vector(...known) });
  const { cursor } = await source.read(null, signal);
  // Blue is gone when green is seen: its end stays known.
  known.splice(0, 2, [{ version: '2.5.0', le: '0.75' }, '1'], [{ version: '2.5.0', le: '+Inf' }, '1']);
  result.push(
    series(requests(), [NOW, '10']),
    series(bucket('0.75'), [NOW, '6']),
    series(bucket('+Inf'), [NOW, '10']),
    series(bucket('1', blue), [NOW, '5']),
    series(bucket('+Inf', blue), [NOW, '7']),
  );
  const [interval] = (await source.read(cursor, signal)).intervals;
  expect(interval?.counts).toMatchObject({ '2.5.0': { slow: 4 }, '2.4.0': { slow: 2 } });
  expect(notices).toEqual([expect.stringContaining('slow means over 0.75 s instead')]);
});

test('a store that writes NaN where a series ended counts what came before', async () => {
  const { source } = await sourceOf({
    raw: () => matrix(series(requests(), [NOW - 15, '10'], [NOW, 'NaN']), ...READY.slice(1)),
  });
  expect((await source.inspect(null, signal)).series['2.5.0']).toMatchObject({ requests: 10 });
});

test('a long gap is asked for in pieces, and every restart in it is seen', async () => {
  const asked: (string | null)[] = [];
  const LENGTH = 55 * 60;
  const history: [number, string][] = [
    [NOW - LENGTH, '100'],
    [NOW - LENGTH / 2, '40'], // restarted
    [NOW - 60, '150'],
  ];
  const { source } = await sourceOf({
    raw: (request) => {
      const { searchParams } = new URL(request.url ?? '', 'http://here');
      const [, seconds = '0'] = /\[(\d+)s\]$/.exec(searchParams.get('query') ?? '') ?? [];
      const end = Number(searchParams.get('time') ?? NOW);
      asked.push(searchParams.get('time'));
      const within = history.filter(([time]) => time > end - Number(seconds) && time <= end);
      return matrix(series(requests(), ...within), ...READY.slice(1));
    },
  });
  const then = await sourceOf({ raw: () => matrix(series(requests(), [NOW - LENGTH, '100']), ...READY.slice(1)) });
  const { cursor } = await then.source.read(null, signal);
  const { intervals } = await source.read({ ...cursor, at: (NOW - LENGTH) * 1_000 }, signal);
  expect(countsOf(intervals, '2.5.0')).toMatchObject({ requests: 150 });
  expect(asked.length).toBe(6);
  expect(asked.at(-1)).toBeNull();
});

describe('inspection', () => {
  test('tells from where on requests are slow, and how the clocks differ', async () => {
    const { source } = await sourceOf({});
    expect(await source.inspect(null, signal)).toMatchObject({
      slowAbove: [{ version: '2.5.0', seconds: 1 }],
      clocks: [{ place: 'Prometheus', aheadMs: { least: expect.any(Number), most: expect.any(Number) } }],
    });
  });

  test('says when the limit is between two buckets', async () => {
    const { source, notices } = await sourceOf({
      ends: vector([{ version: '2.5.0', le: '0.5' }, '1'], [{ version: '2.5.0', le: '+Inf' }, '1']),
      raw: () => matrix(READY[0], series(bucket('0.5'), [NOW - 15, '4']), READY[2]),
    });
    expect((await source.inspect(null, signal)).series['2.5.0']).toMatchObject({ slow: 6 });
    expect(notices).toEqual([expect.stringContaining('no bucket that ends at 1 s: slow means over 0.5 s instead')]);
  });
});

test('no label of a target, which may be an address, is in a reading', async () => {
  const { source } = await sourceOf({
    raw: () => matrix(series(requests({ instance: '10.0.0.7:8080' }), [NOW, '1']), ...READY.slice(1)),
  });
  expect(JSON.stringify(await source.read(null, signal))).not.toContain('10.0.0.7');
});
