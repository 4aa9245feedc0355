import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { request } from '../../src/prometheus/http-client.ts';
import { createDispatcher } from '../../src/proxy/dispatcher.ts';
import { createAuthority } from '../checks/support/certificates.ts';
import { useCommandLine } from '../cli/command-line.ts';
import { GUIDE_TEXT } from '../runbook/support.ts';
import { useServers } from '../support/http.ts';

/** Servers that only the proxy reaches: their names exist nowhere else. */

const bluegreen = useCommandLine();
const serve = useServers();
const question = { path: '/api/v1/query' };
const { signal } = new AbortController();

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bluegreen-proxy-'));
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

const before = { ...process.env };
const cleanUps: (() => void)[] = [];
afterEach(() => {
  process.env = { ...before };
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

test('a notification goes through the proxy that the environment names, and not to what NO_PROXY names', async () => {
  const proxy = await serve((_request, response) => response.end());
  const direct = await serve((_request, response) => response.end());
  const file = join(folder, 'runbook.yaml');
  const channels =
    '[{ kind: webhook, urlEnv: FAR }, { kind: webhook, urlEnv: NEAR }, { kind: webhook, urlEnv: NAMED }]';
  await writeFile(file, `${GUIDE_TEXT}\nnotifications: ${channels}\n`);
  const env = {
    HTTP_PROXY: proxy.origin,
    NO_PROXY: '.inside.invalid',
    FAR: 'http://hooks.example.invalid/bluegreen',
    NEAR: direct.origin,
    NAMED: 'http://chat.inside.invalid/',
  };
  const { exitCode, out } = await bluegreen(['notifications', 'test', '--runbook', file], env).ended;
  expect({ exitCode, out: out.trim().split('\n').toSorted() }).toEqual({
    exitCode: EXIT.unreachable,
    out: [
      expect.stringContaining('FAILED  notification 3 of 3 (webhook): the webhook in NAMED could not be reached'),
      expect.stringContaining('sent    notification 1 of 3 (webhook)'),
      expect.stringContaining('sent    notification 2 of 3 (webhook)'),
    ],
  });
  expect(proxy.asked).toEqual(['http://hooks.example.invalid/bluegreen']);
  expect(direct.asked).toEqual(['/']);
});

test('an HTTPS server with a CA of the house is read through a tunnel; a proxy that refuses one is named', async () => {
  const authority = createAuthority(folder, 'house');
  const name = 'prometheus.example.invalid';
  const { cert, key } = authority.issue({ name, names: `DNS:${name}` });
  const server = createHttps({ cert: await readFile(cert), key: await readFile(key) }, (_request, response) =>
    response.end('hello'),
  );
  const port = await listening(server);
  let isOpen = true;
  const tunnels: string[] = [];
  const proxy = createServer().on('connect', (asked, socket: Socket) => {
    tunnels.push(asked.url ?? '');
    if (!isOpen) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const upstream = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    for (const one of [upstream, socket]) one.on('error', () => upstream.destroy());
    cleanUps.push(() => upstream.destroy());
  });
  process.env['HTTPS_PROXY'] = `http://127.0.0.1:${await listening(proxy)}`;
  const ca = await readFile(authority.file, 'utf8');
  const prometheus = { name: 'Prometheus', url: `https://${name}`, dispatcher: createDispatcher({ connect: { ca } }) };
  cleanUps.push(() => void prometheus.dispatcher.destroy());
  expect(await request(prometheus, question, signal)).toMatchObject({ status: 200, text: 'hello' });
  expect(tunnels).toEqual([`${name}:443`]);

  isOpen = false;
  const other = { ...prometheus, url: 'https://other.example.invalid' };
  await expect(request(other, question, signal)).rejects.toThrow(
    'Prometheus: the proxy of the worker (HTTPS_PROXY) does not connect to it',
  );
});

/** Its port; it is closed after the test. */
async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUps.push(() => server.close());
  return (server.address() as AddressInfo).port;
}
