import { afterEach, describe, expect, test } from '@jest/globals';
import { createClient, type LoadClient } from '../../../src/checks/load-test/client.ts';
import { useServers } from '../../support/http.ts';
import { until } from '../support/context.ts';

const clients: LoadClient[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});
const serve = useServers();

function clientFor(target: string, timeoutMs = 10_000): LoadClient {
  const client = createClient({ target: new URL(target), timeoutMs });
  clients.push(client);
  return client;
}

describe("the load's client", () => {
  test.each([200, 204, 299])('takes %d for an answer', async (status) => {
    const { origin } = await serve((_request, response) => response.writeHead(status).end());
    expect(await clientFor(origin).send({ path: '/' })).toBeUndefined();
  });

  test.each([302, 404, 429, 500, 503])('counts %d as failed', async (status) => {
    const { origin } = await serve((_request, response) => response.writeHead(status, { location: '/' }).end());
    expect(await clientFor(origin).send({ path: '/' })).toBe(`answered ${status}`);
  });

  test.each([
    ['', '/a?b=1'],
    ['/', '/a?b=1'],
    ['/base', '/base/a?b=1'],
    ['/base/', '/base/a?b=1'],
  ])('asks below the target "%s"', async (base, expected) => {
    const { origin, asked } = await serve((_request, response) => response.end());
    await clientFor(origin + base).send({ path: '/a?b=1' });
    expect(asked).toEqual([expected]);
  });

  test('reads an answer to its end, however long, and uses the connection again', async () => {
    let ended = 0;
    const { origin, connections } = await serve((_request, response) => {
      response.on('finish', () => (ended += 1));
      response.end(Buffer.alloc(3_000_000));
    });
    const client = clientFor(origin);
    for (let n = 1; n <= 10; n += 1) {
      expect(await client.send({ path: '/' })).toBeUndefined();
      expect(ended).toBe(n);
    }
    // Two: the first is not quite free when the next request follows in the same moment.
    expect(await connections()).toBeLessThanOrEqual(2);
  });

  test('tells a refused connection, an unknown host and a broken one apart', async () => {
    const gone = await serve(() => {});
    await gone.close();
    expect(await clientFor(gone.origin).send({ path: '/' })).toBe('connection refused');
    expect(await clientFor('http://nowhere.invalid').send({ path: '/' })).toMatch(
      /^(unknown host|host could not be looked up)$/,
    );
    const broken = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => response.destroy());
    });
    expect(await clientFor(broken.origin).send({ path: '/' })).toBe('connection broke');
  });

  test('tells an answer that is not HTTP, without repeating it', async () => {
    const { origin } = await serve((request) => request.socket.end('this is no HTTP\r\n\r\n'));
    expect(await clientFor(origin).send({ path: '/' })).toBe('answer is not HTTP');
  });

  test('gives up when there is no answer, or no end of it', async () => {
    const silent = await serve(() => {});
    expect(await clientFor(silent.origin, 100).send({ path: '/' })).toBe('timed out');
    const endless = await serve((_request, response) => {
      const timer = setInterval(() => response.write('more'), 10);
      response.on('close', () => clearInterval(timer));
    });
    expect(await clientFor(endless.origin, 300).send({ path: '/' })).toBe('timed out');
    await until(async () => (await endless.connections()) === 0);
  });

  test('leaves nothing under way when it is closed', async () => {
    const { origin, asked, connections } = await serve((request, response) => {
      if (request.url === '/half') response.writeHead(200).write('half');
    });
    const client = clientFor(origin);
    const failures = Promise.all(['/silent', '/half', '/half'].map((path) => client.send({ path })));
    await until(() => asked.length === 3);
    await client.close();
    expect(await failures).not.toContain(undefined);
    await until(async () => (await connections()) === 0);
    await client.close();
  });
});
