import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { request } from '../../src/prometheus/http-client.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function serve(answer: Parameters<typeof createServer>[1]): Promise<{ url: string; connections: () => number }> {
  let connections = 0;
  const server = createServer({ keepAliveTimeout: 60_000 }, answer).on('connection', () => {
    connections += 1;
  });
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, connections: () => connections };
}

const never = new AbortController().signal;

test('a hundred watches that read at the same moment share a few connections, which stay open', async () => {
  const { url, connections } = await serve((_, response) => setTimeout(() => response.end('{}'), 5));
  const readAll = () =>
    Promise.all(Array.from({ length: 100 }, () => request({ name: 'Prometheus', url }, { path: '/' }, never)));
  await readAll();
  const opened = connections();
  expect(opened).toBeLessThanOrEqual(32);
  await readAll();
  expect(connections()).toBe(opened);
});

test('an answer is asked for as it is, not packed', async () => {
  const asked: unknown[] = [];
  const { url } = await serve((question, response) => {
    asked.push(question.headers['accept-encoding']);
    response.end('{}');
  });
  await request({ name: 'Prometheus', url }, { path: '/' }, never);
  expect(asked).toEqual(['identity']);
});
