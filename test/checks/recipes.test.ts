import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { parse } from 'yaml';
import { findProgram } from '../../src/processes/index.ts';
import { useServers } from '../support/http.ts';
import { describeWith } from '../support/installed.ts';

/** The commands of docs/check-recipes.md, with other addresses. */

const page = readFileSync(new URL('../../docs/check-recipes.md', import.meta.url), 'utf8');
const recipes = new Map(
  [...page.matchAll(/```yaml\n([^`]*)```/g)]
    .flatMap(([, text = '']) => parse(text) as { id: string; command: string[]; env?: string[] }[])
    .map(({ id, ...recipe }) => [id, recipe]),
);

const found = (program: string) => findProgram(program, process.env['PATH']);

async function run(id: string, changed: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv = {}) {
  const [program = '', ...args] = (recipes.get(id)?.command ?? []).map((word) => changed[word] ?? word);
  const { exitCode } = await execa(program, args, { reject: false, env });
  return exitCode;
}

test('a name that resolves passes', async () => {
  expect(await run('dns', { 'shop.example.com': 'localhost' })).toBe(0);
  expect(await run('dns', { 'shop.example.com': 'nowhere.invalid' })).not.toBe(0);
});

describeWith(await found('openssl'), 'openssl')('a certificate', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bluegreen-recipes-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function certificate(name: string, days: number) {
    const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
    const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost'];
    await execa('openssl', [
      'req',
      '-new',
      '-x509',
      '-nodes',
      '-newkey',
      'rsa:2048',
      '-days',
      String(days),
      ...subject,
      '-keyout',
      key,
      '-out',
      cert,
    ]);
    return { key: await readFile(key), cert: await readFile(cert), file: cert };
  }

  test.each([
    ['valid for a month', 30, true],
    ['valid for a week', 7, false],
  ])('%s', async (_name, days, passes) => {
    const { file, ...pair } = await certificate(`days-${days}`, days);
    const server = createServer(pair, (_, response) => response.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const trusted = { SSL_CERT_FILE: file };
    const exitCode = await run('tls-certificate', { 'shop.example.com': 'localhost', '443': String(port) }, trusted);
    expect(exitCode === 0).toBe(passes);
    expect(await run('tls-certificate', { 'shop.example.com': 'localhost', '443': String(port) })).not.toBe(0); // not trusted
    server.close();
  });
});

describeWith((await found('curl')) && (await found('jq')), 'curl and jq')('a feature flag', () => {
  const serve = useServers();

  test('that is off passes, and one that is on or not there does not', async () => {
    let status = 200;
    let enabled = false;
    const { origin } = await serve((request, response) => {
      const isKnown = request.headers.authorization === 'Bearer abc';
      response.writeHead(isKnown ? status : 401).end(JSON.stringify({ enabled }));
    });
    expect(recipes.get('feature-flag')?.env).toEqual(['FLAG_TOKEN']);
    const flag = () =>
      run('feature-flag', { 'https://flags.example.com/api/flags/new-checkout': origin }, { FLAG_TOKEN: 'abc' });
    expect(await flag()).toBe(0);
    enabled = true;
    expect(await flag()).not.toBe(0);
    [enabled, status] = [false, 404];
    expect(await flag()).not.toBe(0);
  });
});
