import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { findProgram } from '../../src/processes/find-program.ts';
import { headersOf, readBasic, readHeader, secretsOf } from '../../src/prometheus/credentials.ts';
import { request } from '../../src/prometheus/http-client.ts';
import { withTrust } from '../../src/prometheus/tls.ts';

const signal = new AbortController().signal;

describe('who asks', () => {
  test('is read from the variables that are named', () => {
    const basic = readBasic({ LOGIN: 'ana:pass:phrase\n' }, 'LOGIN');
    const tenant = readHeader({ TENANT: 'seven' }, 'X-Scope-OrgID', 'TENANT');
    const credentials = { basic, headers: [tenant, { name: 'X-Plain', value: 'open' }] };
    expect(headersOf(credentials)).toEqual({
      authorization: `Basic ${btoa('ana:pass:phrase')}`,
      'X-Scope-OrgID': 'seven',
      'X-Plain': 'open',
    });
    expect(secretsOf(credentials).sort()).toEqual(
      [btoa('ana:pass:phrase'), 'ana:pass:phrase', 'pass:phrase', 'seven'].sort(),
    );
  });

  test.each([
    [{}, 'the variable LOGIN, which should hold user:password, is not set'],
    [{ LOGIN: 'secretword' }, 'the variable LOGIN does not hold user:password'],
    [{ LOGIN: 'ana:' }, 'the variable LOGIN does not hold user:password'],
    [{ LOGIN: 'ana:a\nb' }, 'the variable LOGIN does not hold user:password'],
  ])('%j is named by its variable and not shown', (env, message) => {
    expect(() => readBasic(env, 'LOGIN')).toThrow(message);
  });
});

const openssl = await findProgram('openssl', process.env['PATH']);
if (openssl === undefined) process.stderr.write('Skipped: tests of an own CA, which need openssl on the PATH.\n');

(openssl === undefined ? describe.skip : describe)('a server with a certificate of an own CA', () => {
  let folder = '';
  const caFile = () => join(folder, 'ca.pem');
  const server = { close: (): void => {}, url: '' };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bluegreen-ca-'));
    const key = join(folder, 'key.pem');
    const name = ['-subj', '/CN=prometheus', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const made = ['-keyout', key, '-out', caFile()];
    await execa(openssl ?? '', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...name, ...made]);
    const https = createServer({ key: await readFile(key), cert: await readFile(caFile()) }, (_request, response) =>
      response.end('hello'),
    );
    await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
    const address = https.address();
    if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
    server.url = `https://127.0.0.1:${address.port}`;
    server.close = () => {
      https.closeAllConnections();
      https.close();
    };
  });
  afterAll(async () => {
    server.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  test('is trusted where the runbook names the CA, and not where it does not', async () => {
    const question = { path: '/api/v1/query' };
    const named = { name: 'Prometheus', url: server.url, dispatcher: await withTrust(caFile()) };
    expect(await request(named, question, signal)).toMatchObject({ status: 200, text: 'hello' });
    await expect(request({ name: 'Prometheus', url: server.url }, question, signal)).rejects.toThrow(
      /the worker does not trust its TLS certificate \(DEPTH_ZERO_SELF_SIGNED_CERT\)/,
    );
    await named.dispatcher.close();
  });

  test('connections are kept as long as the CA in the file is the same', async () => {
    const file = join(folder, 'replaced.pem');
    const ca = await readFile(caFile(), 'utf8');
    await writeFile(file, ca);
    const before = await withTrust(file);
    expect(await withTrust(file)).toBe(before);
    await writeFile(file, `${ca}\n${ca}`);
    expect(await withTrust(file)).not.toBe(before);
  });

  test('a file that is none is said', async () => {
    await expect(withTrust(join(folder, 'none.pem'))).rejects.toThrow('cannot be read on this worker (ENOENT)');
    await writeFile(join(folder, 'text.pem'), 'hello');
    await expect(withTrust(join(folder, 'text.pem'))).rejects.toThrow(
      'holds no CA: expected a certificate in PEM form',
    );
  });
});
