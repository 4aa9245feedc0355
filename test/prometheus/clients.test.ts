import type { RequestListener } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import { alertmanager } from '../../src/prometheus/alertmanager.ts';
import type { Server } from '../../src/prometheus/http-client.ts';
import { prometheus } from '../../src/prometheus/prometheus.ts';
import { readToken } from '../../src/prometheus/token.ts';
import { useServers } from '../support/http.ts';

const startServer = useServers();
const serve = async (listener: RequestListener) => (await startServer(listener)).origin;

const TOKEN = { variable: 'SHOP_PROMETHEUS', value: 'zq7-tokentext' };
const never = new AbortController().signal;

/** What is said when a Prometheus answers like this. */
async function refusalOf(status: number, text: string, more: Partial<Server> = {}): Promise<string> {
  const url = await serve((_request, response) => response.writeHead(status).end(text));
  return problemOf({ url, ...more });
}

async function problemOf(server: Omit<Server, 'name'>, signal = never): Promise<string> {
  try {
    await prometheus({ name: 'Prometheus', ...server }).query('up', signal);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return 'none';
}

describe('a server that does not do as asked', () => {
  test.each<[string, number, string, RegExp]>([
    ['no token', 401, '', /^Prometheus: it wants a token: put one into a variable .*HTTP status 401/],
    ['not allowed', 403, 'no', /^Prometheus: it forbids this \(HTTP status 403\)$/],
    ['another server', 404, '<html>', /there is no such address/],
    ['too often', 429, '', /it is asked too often/],
    ['starting', 503, 'Service Unavailable', /it is not ready, or too busy/],
    ['a login page', 302, '', /it sends the request elsewhere, often to a login page/],
    [
      'a query that cannot be evaluated',
      422,
      '{"status":"error","errorType":"execution","error":"too many samples"}',
      /^Prometheus: it could not evaluate the query \(HTTP status 422\): too many samples$/,
    ],
    ['a wrong query', 400, '{"status":"error","errorType":"bad_data","error":"parse error"}', /: parse error$/],
    ['a page', 200, '<html>hello</html>', /it answered, but not with JSON: is the URL right\?/],
    [
      'other JSON',
      200,
      '{"status":"success","data":{"resultType":"matrix"}}',
      /expected form \(at "data.resultType"\)/,
    ],
    ['a torn answer', 200, '{"status":"success","data":{', /not with JSON/],
  ])('%s', async (_name, status, text, expected) => {
    expect(await refusalOf(status, text)).toMatch(expected);
  });

  test.each([
    [401, /it does not accept the token of the variable SHOP_PROMETHEUS/],
    [403, /the token of the variable SHOP_PROMETHEUS may not do this/],
  ])('refuses a token with %s, which is named and never shown', async (status, expected) => {
    const url = await serve((request, response) =>
      response.writeHead(status).end(JSON.stringify({ error: `${request.headers.authorization} at ${request.url}` })),
    );
    const problem = await problemOf({ url, token: TOKEN });
    expect(problem).toMatch(expected);
    expect(problem).not.toContain(TOKEN.value);
    expect(problem).toContain('/api/v1/query'); // its own words are there
  });

  test('does not listen, is unknown, or does not speak TLS: without its address and password', async () => {
    const { origin: url, close } = await startServer(() => {});
    const withPassword = url.replace('://', '://ana:pass-phrase@');
    const secure = url.replace('http:', 'https:');
    const problems = [await problemOf({ url: withPassword }), await problemOf({ url: secure })];
    await close();
    problems.push(await problemOf({ url }), await problemOf({ url: 'http://prometheus.invalid' }));
    expect(problems).toEqual([
      expect.stringContaining('its URL holds a user or a password'),
      expect.stringContaining('it does not speak TLS'),
      'Prometheus: the connection was refused',
      expect.stringMatching(/its host name is not known|EAI_AGAIN/),
    ]);
    expect(problems.join()).not.toMatch(/127\.0\.0\.1|invalid|ana|pass-phrase/);
  });

  test('is silent, breaks off, or never ends', async () => {
    expect(await problemOf({ url: await serve(() => {}), timeoutMs: 50 })).toBe(
      'Prometheus: no complete answer within 0.05 s',
    );
    const broken = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => response.destroy());
    });
    expect(await problemOf({ url: broken })).toBe('Prometheus: the connection broke');
    const endless = await serve((_request, response) => {
      const more = () => {
        while (response.write('x'.repeat(1_048_576)));
      };
      response.on('drain', more);
      more();
    });
    expect(await problemOf({ url: endless })).toBe('Prometheus: its answer is larger than 32 MB');
  });

  test('is not waited for once somebody says stop', async () => {
    const stop = new AbortController();
    const url = await serve(() => stop.abort(new Error('stopped by the test')));
    expect(await problemOf({ url }, stop.signal)).toBe('stopped by the test');
  });
});

test('a question goes to the path that the server is under, with its token, and is not sent on by a redirect', async () => {
  const asked: string[] = [];
  const other = await serve((request, response) => {
    asked.push(`other: ${request.headers.authorization}`);
    response.end();
  });
  const url = await serve((request, response) => {
    asked.push(`${request.url} ${request.headers.authorization}`);
    response.writeHead(307, { location: other }).end();
  });
  await problemOf({ url: `${url}/inner/prometheus/`, token: TOKEN });
  expect(asked).toEqual(['/inner/prometheus/api/v1/query?query=up Bearer zq7-tokentext']);
});

test('an Alertmanager says why it takes no alert', async () => {
  const url = await serve((_request, response) => response.writeHead(400).end('"bad alert"'));
  const sending = alertmanager({ name: 'Alertmanager', url }).send({ labels: {}, annotations: {} }, never);
  await expect(sending).rejects.toThrow('Alertmanager: it did not do as asked (HTTP status 400): bad alert');
});

describe('readToken', () => {
  test('reads the variable that is named, and none if none is', () => {
    expect(readToken({ T: ' abc\n' }, 'T')).toEqual({ variable: 'T', value: 'abc' });
    expect(readToken({ T: 'abc' }, undefined)).toBeUndefined();
  });

  test('names a variable that is not set, or holds what cannot be sent, without showing it', () => {
    expect(() => readToken({}, 'T')).toThrow('the variable T, which should hold a token, is not set');
    expect(() => readToken({ T: '  ' }, 'T')).toThrow('is not set on this worker');
    expect(() => readToken({ T: 'first\nsecond' }, 'T')).toThrow(/^the variable T holds no token(?!.*first)/);
  });
});
