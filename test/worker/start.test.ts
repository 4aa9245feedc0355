import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { PACKAGE_VERSION } from '../../src/util/package-version.ts';
import { eventually } from '../chaos/support/scene.ts';
import { uniqueQueue, useTemporal } from '../support/temporal.ts';
import { startWorkerProcess } from '../support/worker-process.ts';

/** What the log says when a worker starts. */

useTemporal();
const folders: string[] = [];
afterEach(() => Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true }))));

test('a worker logs where it takes work, and which runbooks it cannot use', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-start-'));
  folders.push(folder);
  await writeFile(join(folder, 'shop.yaml'), 'service: shop\n');
  const queue = uniqueQueue();
  const worker = startWorkerProcess(queue, { BLUEGREEN_RUNBOOKS: folder, BLUEGREEN_STATE: join(folder, 'state') });
  try {
    await eventually(async () => worker.log().includes('Its state'), 'a worker that has started');
    expect(worker.log()).toContain(
      `bluegreen ${PACKAGE_VERSION} takes work from the task queue "${queue}" in the namespace "default", with no runbook: there is none in ${folder} that can be used`,
    );
    expect(worker.log()).toContain(
      `Its state, which all workers of the queue have to share: ${join(folder, 'state', '*')}\n`,
    );
    expect(worker.log()).toMatch(
      /A runbook cannot be used: .*shop\.yaml: environment: missing.* All problems: bluegreen runbook validate/,
    );
  } finally {
    await worker.kill('SIGTERM');
  }
});

test('a worker warns of a folder of the state that it cannot write', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-start-'));
  folders.push(folder);
  await writeFile(join(folder, 'state'), 'a file, not a folder');
  const worker = startWorkerProcess(uniqueQueue(), {
    BLUEGREEN_RUNBOOKS: folder,
    BLUEGREEN_STATE: join(folder, 'state'),
  });
  try {
    await eventually(async () => worker.log().includes('cannot be written'), 'the warning of a worker');
    expect(worker.log()).toMatch(
      /The state of the workers cannot be written, and no deployment can start .*: make .*state writable/,
    );
  } finally {
    await worker.kill('SIGTERM');
  }
});

test('an error that nobody waited for is logged, and ends no worker: all its watches would end with it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-start-'));
  folders.push(folder);
  const forgetful = join(folder, 'forgetful.mjs');
  await writeFile(forgetful, "process.on('SIGUSR2', () => void Promise.reject(new Error('forgotten')));\n");
  const worker = startWorkerProcess(uniqueQueue(), {
    BLUEGREEN_RUNBOOKS: folder,
    BLUEGREEN_STATE: join(folder, 'state'),
    NODE_OPTIONS: `--import=${forgetful}`,
  });
  try {
    await eventually(async () => worker.log().includes('Its state'), 'a worker that has started');
    for (const times of [1, 2]) {
      process.kill(worker.pid, 'SIGUSR2');
      await eventually(
        async () => worker.log().split('An error that nobody waited for: Error: forgotten').length > times,
        'the error in the log',
      );
    }
  } finally {
    await worker.kill('SIGTERM');
  }
});

test.each([
  [{ BLUEGREEN_METRICS: '9464x' }, 'BLUEGREEN_METRICS: the worker cannot serve its metrics on 9464x ('],
  [{ TEMPORAL_NAMESPACE: 'nowhere' }, 'The worker cannot run: The Temporal server has no namespace "nowhere". Set'],
])('a worker with %j says which variable is wrong', async (env, message) => {
  const worker = startWorkerProcess(uniqueQueue(), env);
  try {
    await eventually(async () => worker.log().includes('The worker cannot run'), 'a worker that cannot start');
    expect(worker.log()).toContain(message);
  } finally {
    await worker.kill('SIGTERM');
  }
});
