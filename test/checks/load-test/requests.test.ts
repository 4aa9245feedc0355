import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseCsv } from '../../../src/checks/load-test/values.ts';
import type { Finding } from '../../../src/plugin/observation.ts';
import type { CheckConfig } from '../../../src/runbook/kinds.ts';
import { useServers } from '../../support/http.ts';
import { contextFor } from '../support/context.ts';
import { CHECK, createCheck } from '../support/create.ts';

const serve = useServers();
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bluegreen-values-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Limits that no busy machine exceeds: these tests are about the requests. */
const LENIENT = { errorRate: '40%', latency: { quantile: 0.5, under: '60s' } };

const checkOf = (target: string | readonly string[], changes: object): CheckConfig =>
  CHECK.parse({
    id: 'load',
    title: 'Load',
    group: 'Testing',
    kind: 'load-test',
    target,
    requestsPerSecond: 40,
    duration: '1s',
    limits: LENIENT,
    paths: [{ path: '/' }],
    ...changes,
  });

const run = (target: string | readonly string[], changes: object, env: NodeJS.ProcessEnv = {}) =>
  createCheck(checkOf(target, changes))({ ...contextFor(), env });

/** Not whether it passed: a busy machine sends late. */
const failedOf = ({ summary, evidence }: Finding) =>
  evidence.find(({ what }) => what === 'failed')?.measured ?? summary;

interface Got {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Keeps what it gets; answers what `answer` says. */
async function recorder(answer: (got: Got) => [number, string] = () => [200, 'ok']) {
  const got: Got[] = [];
  const server = await serve((request, response) => {
    void (async () => {
      let body = '';
      for await (const chunk of request) body += String(chunk);
      const one = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body };
      got.push(one);
      const [status, text] = answer(one);
      response.writeHead(status).end(text);
    })();
  });
  return { origin: server.origin, got };
}

describe('the requests of a load test', () => {
  test('have the method, the body and the headers of the runbook, with secrets from variables', async () => {
    const { origin, got } = await recorder((one) =>
      one.headers.authorization === 'Bearer s3cr3t-load' ? [201, ''] : [401, ''],
    );
    const headers = { 'X-Tenant': 'shop', authorization: { env: 'LOAD_TOKEN' } };
    const body = '{"query":"{ items { id } }","n":{random:1:9}}';
    const paths = [{ path: '/graphql', method: 'POST', headers: { 'x-tenant': 'own' }, body }];
    const finding = await run(origin, { headers, paths }, { LOAD_TOKEN: 'Bearer s3cr3t-load' });
    expect(failedOf(finding)).toMatch(/^0 of/);
    for (const one of got) {
      expect(one).toMatchObject({ method: 'POST', url: '/graphql' });
      expect(one.headers).toMatchObject({ 'x-tenant': 'own', 'content-type': 'application/json' });
      expect(one.body).toMatch(/^\{"query":"\{ items \{ id \} \}","n":[1-9]\}$/);
    }
    expect(JSON.stringify(finding)).not.toContain('s3cr3t');
  });

  test('log in as metrics do', async () => {
    const { origin, got } = await recorder();
    await run(origin, { auth: { basicEnv: 'LOGIN' }, duration: '500ms' }, { LOGIN: 'ana:secret' });
    expect(new Set(got.map(({ headers }) => headers.authorization))).toEqual(new Set([`Basic ${btoa('ana:secret')}`]));
  });

  test.each([
    ['a header', { headers: { authorization: { env: 'NOT_SET' } } }],
    ['a login', { auth: { tokenEnv: 'NOT_SET' } }],
  ])('name the variable that %s lacks', async (_name, changes) => {
    await expect(run('http://127.0.0.1:1', changes)).rejects.toThrow(/the variable NOT_SET, which should hold/);
  });

  test('succeed with the statuses and the text that are expected, and with no others', async () => {
    const { origin } = await recorder(({ url }) => (url === '/moved' ? [302, ''] : [200, 'total: 7']));
    const good = [
      { path: '/moved', status: 302 },
      { path: '/sum', status: [200, 201], contains: 'total: 7' },
    ];
    expect(failedOf(await run(origin, { paths: good }))).toMatch(/^0 of/);
    expect(await run(origin, { paths: [{ path: '/sum', contains: 'total: 8' }] })).toMatchObject({
      passed: false,
      summary: expect.stringContaining('failed: answered 200 without the expected text (3); no load was sent'),
      unblock: expect.stringContaining('correct target and paths, status and contains'),
    });
    expect(await run(origin, { paths: [{ path: '/sum', status: 204 }] })).toMatchObject({
      summary: expect.stringContaining('answered 200 (3)'),
    });
  });

  test('say what to do where the target wants a login', async () => {
    const { origin } = await recorder(() => [401, '']);
    expect(await run(origin, {})).toMatchObject({
      passed: false,
      unblock: expect.stringMatching(/^give the load test a login \(auth or headers\)/),
    });
  });

  test('take the values of one row, encoded for where they stand', async () => {
    const file = join(folder, 'users.csv');
    await writeFile(file, '\uFEFFid,name\r\n7,"O""Hara, Ana"\n8,b/c\n');
    const { origin, got } = await recorder();
    const paths = [
      { path: '/u/{name}?id={id}', method: 'PUT', headers: { 'x-id': '{id}' }, body: '{"name":"{name}"}' },
    ];
    expect(failedOf(await run(origin, { values: file, paths }))).toMatch(/^0 of/);
    const seen = new Set(got.map(({ url, headers, body }) => `${url} ${String(headers['x-id'])} ${body}`));
    expect([...seen].sort()).toEqual([
      '/u/O%22Hara%2C%20Ana?id=7 7 {"name":"O\\"Hara, Ana"}',
      '/u/b%2Fc?id=8 8 {"name":"b/c"}',
    ]);
  });

  test.each([
    ['no file', undefined, /the file .*values\.csv with the values cannot be read on this worker \(ENOENT\)/],
    ['no row', 'id,name\n', /has no row of values/],
    ['a row that lacks a value', 'id,name\n1,a\n2\n', /row 2 below the first line of .* has 1 values, expected 2/],
    ['a strange column', 'id,full name\n1,a\n', /has the column "full name", expected names in letters/],
    ['a column that is not there', 'key\n1\n', /a path of the load test has \{id\}, expected one of the columns key/],
  ])('need a file of values that can be used: %s', async (_name, text, message) => {
    const file = join(folder, 'values.csv');
    await rm(file, { force: true });
    if (text !== undefined) await writeFile(file, text);
    await expect(run('http://127.0.0.1:1', { values: file, paths: [{ path: '/{id}' }] })).rejects.toThrow(message);
  });

  test('are spread over several targets', async () => {
    const [one, two] = [await recorder(), await recorder()];
    expect(failedOf(await run([one.origin, `${two.origin}/base`], { paths: [{ path: '/a' }] }))).toMatch(/^0 of/);
    expect(one.got.length).toBeGreaterThan(5);
    expect(two.got.length).toBeGreaterThan(5);
    expect(two.got[0]?.url).toBe('/base/a');
  });

  test('begin with a rate that rises, of which nothing counts', async () => {
    const { origin, got } = await recorder();
    const finding = await run(origin, { ramp: '1s' });
    // 3 to try it, half of 40 in the second of the ramp, and 40 that count.
    expect(got.length).toBeGreaterThanOrEqual(61);
    expect(got.length).toBeLessThanOrEqual(65);
    expect(finding.evidence[0]?.measured).toBe('40 in 1 s, after 1 s of a rising rate that are not counted');
  });

  test.each([
    ['a body without a method', { paths: [{ path: '/', body: 'x' }] }, 'expected none with GET: write method: POST'],
    ['a column without values', { paths: [{ path: '/{id}' }] }, 'found {id}, expected a file in values'],
    ['a header of the connection', { headers: { Host: 'x' } }, 'expected another header'],
    ['no target', { target: [] }, 'Too small'],
    ['a ramp longer than the time-out', { ramp: '10m' }, 'with the ramp'],
  ])('refuse %s', (_name, changes, message) => {
    expect(() => checkOf('http://a', changes)).toThrow(message);
  });
});

test.each([
  [
    'a,b\n1,2',
    [
      ['a', 'b'],
      ['1', '2'],
    ],
  ],
  ['a\r\n"x\ny"\r\n', [['a'], ['x\ny']]],
  [
    'a,b\n,\n\n"",2\n',
    [
      ['a', 'b'],
      ['', ''],
      ['', '2'],
    ],
  ],
])('CSV is read as RFC 4180 has it: %j', (text, rows) => {
  expect(parseCsv(text)).toEqual(rows);
});
