import { copyFile, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from '@jest/globals';
import { execa } from 'execa';
import * as messages from '../../src/workflows/messages.ts';
import { startLittleProduction } from '../support/little-production.ts';
import { PATIENCE_MS } from '../support/patience.ts';
import { observe, start, testAddress, uniqueQueue, uniqueService, useTemporal } from '../support/temporal.ts';
import { startWorkerProcess } from '../support/worker-process.ts';

/** A worker that is told to stop hands over what it does and ends, whatever started it. */

const temporal = useTemporal();
const ASK_EVERY_MS = 50;

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** `npm start` with the project's own package.json, on the worker that was built for this run. */
async function npmStart(taskQueue: string, env: Readonly<Record<string, string>>) {
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-npm-'));
  cleanUps.push(() => rm(folder, { recursive: true }));
  await copyFile(fileURLToPath(new URL('../../package.json', import.meta.url)), join(folder, 'package.json'));
  await symlink(dirname(process.env['TEST_WORKER'] ?? ''), join(folder, 'dist'));
  const npm = execa('npm', ['start'], {
    cwd: folder,
    env: {
      TEMPORAL_ADDRESS: testAddress(),
      BLUEGREEN_TASK_QUEUE: taskQueue,
      npm_config_update_notifier: 'false',
      ...env,
    },
    detached: true,
    reject: false,
    all: true,
  });
  const pid = npm.pid ?? 0;
  // The whole group: without the fix, the worker outlives npm.
  cleanUps.push(async () => {
    if (isAlive(-pid)) process.kill(-pid, 'SIGKILL');
    await npm;
  });
  const exited = new Promise<number | null>((resolve) => npm.once('exit', resolve));
  return { pid, exited, said: async () => (await npm).all };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function until<Found>(look: () => Promise<Found | undefined>): Promise<Found> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
}

/** The id of the worker's process: Temporal knows a worker as `<pid>@<host>`. */
function workerOf(taskQueue: string): Promise<number> {
  const { workflowService } = temporal.client();
  return until(async () => {
    const { pollers } = await workflowService.describeTaskQueue({
      namespace: 'default',
      taskQueue: { name: taskQueue },
    });
    const [pid] = pollers?.[0]?.identity?.split('@') ?? [];
    return pid === undefined ? undefined : Number(pid);
  });
}

test.each([
  ['SIGTERM to npm, as a container or a supervisor of one process does', 'SIGTERM', (npm: number) => npm],
  ['SIGTERM to npm and all below it, as systemd does', 'SIGTERM', (npm: number) => -npm],
  ['SIGINT to npm and all below it, as Ctrl-C does', 'SIGINT', (npm: number) => -npm],
] as const)('npm start: %s, ends the worker, which hands its watch over', async (_, signal, whom) => {
  const [service, taskQueue] = [uniqueService(), uniqueQueue()];
  // One window for the whole soak: a window that ends as the worker stops would leave nothing to hand over.
  const changes = { traffic: [{ percentage: 100, soak: '8s' }], watch: { window: '60s' } };
  const production = await startLittleProduction(service, changes);
  cleanUps.push(() => production.stop());
  const npm = await npmStart(taskQueue, production.env);
  const worker = await workerOf(taskQueue);
  const handle = await start(temporal.client(), taskQueue, { service, version: '2.5.0' });
  cleanUps.push(() => handle.terminate('the test is over').catch(() => {}));
  const { untilPhase } = observe(handle, PATIENCE_MS);
  await untilPhase('checking');
  await handle.signal(messages.attest, { check: 'load-test', by: 'ben' });
  await untilPhase('soaking');
  const reads = production.asked('metrics');
  await until(async () => (production.asked('metrics') > reads + 2 ? true : undefined));

  process.kill(whom(npm.pid), signal);
  const exitCode = await npm.exited;
  expect({ exitCode, workerIsThere: isAlive(worker) }).toEqual({ exitCode: 0, workerIsThere: false });
  expect(await npm.said()).toContain('state=STOPPED');

  const next = startWorkerProcess(taskQueue, production.env);
  cleanUps.push(() => next.kill('SIGKILL'));
  expect((await handle.result()).outcome).toBe('completed');
  // Given back, not missed: nobody had to wait until the server believed the worker lost.
  const { events } = await handle.fetchHistory();
  const watches = (events ?? []).flatMap(({ eventId, activityTaskScheduledEventAttributes: scheduled }) =>
    scheduled?.activityType?.name === 'watchWindow' ? [String(eventId)] : [],
  );
  const attempts = (events ?? []).flatMap(({ activityTaskStartedEventAttributes: started }) =>
    started && watches.includes(String(started.scheduledEventId)) ? [started] : [],
  );
  const lost = attempts.filter(({ lastFailure }) => lastFailure?.timeoutFailureInfo);
  const begunAgain = attempts.filter(({ attempt }) => (attempt ?? 0) > 1);
  expect({ lost: lost.length, begunAgain: begunAgain.length > 0 }).toEqual({ lost: 0, begunAgain: true });
});

test('a worker that is stopped while a command runs ends it, and the next worker runs it again', async () => {
  const [service, taskQueue] = [uniqueService(), uniqueQueue()];
  const production = await startLittleProduction(service, { traffic: [{ percentage: 100, soak: '1s' }] });
  cleanUps.push(() => production.stop());
  const worker = startWorkerProcess(taskQueue, production.env);
  cleanUps.push(() => worker.kill('SIGKILL'));
  const handle = await start(temporal.client(), taskQueue, { service, version: '2.5.0' });
  cleanUps.push(() => handle.terminate('the test is over').catch(() => {}));
  production.misbehave('shift', 'hang', 1);
  await observe(handle, PATIENCE_MS).untilPhase('checking');
  await handle.signal(messages.attest, { check: 'load-test', by: 'ben' });
  await until(async () => (production.asked('shift') > 0 ? true : undefined));

  await worker.kill('SIGTERM');
  expect(worker.log()).toContain('state=STOPPED');
  const next = startWorkerProcess(taskQueue, production.env);
  cleanUps.push(() => next.kill('SIGKILL'));
  expect((await handle.result()).outcome).toBe('completed');
  const shifts = production.audit.filter(({ command }) => command === 'shift');
  expect(shifts.map(({ attempt }) => attempt)).toEqual([1, 2]);
});

/** A router that never answers, whatever its signal says. */
const DEAF = `
export default {
  name: 'plugin-deaf',
  portVersion: 1,
  routers: [
    {
      kind: 'deaf',
      summary: 'A test.',
      schema: (base) => base,
      create: () => ({
        async readTraffic() {},
        setTraffic() {
          console.log('the router is deaf');
          return new Promise(() => {});
        },
      }),
    },
  ],
};`;

test('a worker whose plugin ignores its signal says what does not end, and exits all the same', async () => {
  const [service, taskQueue] = [uniqueService(), uniqueQueue()];
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-deaf-'));
  cleanUps.push(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'deaf.mjs'), DEAF);
  const router = { kind: 'deaf', shiftTraffic: undefined, rollback: undefined, status: undefined, env: undefined };
  const production = await startLittleProduction(service, { router, traffic: [{ percentage: 100, soak: '1s' }] });
  cleanUps.push(() => production.stop());
  const worker = startWorkerProcess(taskQueue, {
    ...production.env,
    BLUEGREEN_PLUGINS: join(folder, 'deaf.mjs'),
  });
  cleanUps.push(() => worker.kill('SIGKILL'));
  const handle = await start(temporal.client(), taskQueue, { service, version: '2.5.0' });
  cleanUps.push(() => handle.terminate('the test is over').catch(() => {}));
  await observe(handle, PATIENCE_MS).untilPhase('checking');
  await handle.signal(messages.attest, { check: 'load-test', by: 'ben' });
  await until(async () => (worker.log().includes('the router is deaf') ? true : undefined));

  await worker.kill('SIGTERM');
  expect(worker.log()).toContain(`The worker cannot stop while these run: shiftTraffic of ${handle.workflowId}`);
  expect(worker.log()).toContain(`these did not end within 60 s: shiftTraffic of ${handle.workflowId}`);
});
