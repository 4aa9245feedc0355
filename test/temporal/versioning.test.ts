import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { Context } from '@temporalio/activity';
import { execa } from 'execa';
import type { WatchInput, WindowResult } from '../../src/domain/activity-results.ts';
import { resolveTemporalCli } from '../../src/local-temporal/temporal-cli.ts';
import { workerVersioning } from '../../src/worker/versioning.ts';
import * as messages from '../../src/workflows/messages.ts';
import { useCommandLine } from '../cli/command-line.ts';
import { PATIENCE_MS } from '../support/patience.ts';
import {
  type DeploymentHandle,
  observe,
  start,
  type TestDeployment,
  testAddress,
  testBundle,
  uniqueQueue,
  uniqueService,
  useTemporal,
} from '../support/temporal.ts';
import { ANNOUNCED, ANNOUNCED_WHEN_NEW, bundleVariant, type Variant } from '../support/variant.ts';
import { startWorkerProcess } from '../support/worker-process.ts';
import { effects, healthyWindow, world } from '../support/world.ts';

/** Worker Versioning on a real server: a build is a bundle of its own, under a build id of its own. */

const temporal = useTemporal();
const bluegreen = useCommandLine();
const NAMESPACE = 'default';
const ASK_EVERY_MS = 50;

let incompatible: Variant;
let compatible: Variant;
beforeAll(async () => {
  incompatible = await bundleVariant(ANNOUNCED);
  compatible = await bundleVariant(ANNOUNCED_WHEN_NEW);
});
afterAll(async () => {
  await incompatible.remove();
  await compatible.remove();
});

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** As the real one: a window whose worker shuts down gives no verdict, another worker goes on. */
async function watchUntilShutdown(input: WatchInput): Promise<WindowResult> {
  const window = await healthyWindow(input);
  if (Context.current().cancellationDetails?.workerShutdown) throw new Error('the worker shuts down');
  return window;
}

/** A worker of this build, with a world of its own that tells what was asked of it. */
async function startBuild(taskQueue: string, buildId: string, codePath: string) {
  const { activities, asked } = world({ activities: { watchWindow: watchUntilShutdown } });
  const worker = await temporal.startWorker(activities, taskQueue, {
    ...workerVersioning({ BLUEGREEN_TASK_QUEUE: taskQueue, BLUEGREEN_BUILD_ID: buildId }),
    workflowBundle: { codePath },
    stickyQueueScheduleToStartTimeout: 500,
  });
  cleanUps.push(() => worker.stop());
  return { asked, stop: () => worker.stop() };
}

/** The commands of docs/production.md. */
async function temporalCli(...args: readonly string[]): Promise<string> {
  const { stdout } = await execa(await resolveTemporalCli(), [...args, '--address', testAddress(), '-o', 'json']);
  return stdout;
}

/** As soon as the server has heard of a worker of this build. */
async function makeCurrent(deploymentName: string, buildId: string): Promise<void> {
  const version = ['--deployment-name', deploymentName, '--build-id', buildId, '--yes'];
  await eventually(() => temporalCli('worker', 'deployment', 'set-current-version', ...version));
  // The queue, named as the deployment is, hears of it a moment later.
  await eventually(async () => ((await currentBuildOf(deploymentName)) === buildId ? true : undefined));
}

async function startOn(taskQueue: string): Promise<TestDeployment> {
  const handle = await start(temporal.client(), taskQueue, { service: uniqueService(), version: '2.5.0' });
  cleanUps.push(() => handle.terminate('the test is over').catch(() => {}));
  return observe(handle);
}

/** Build `a` is current, and a deployment that began on it waits at its gate. */
async function underWayOnBuildA() {
  const taskQueue = uniqueQueue();
  const a = await startBuild(taskQueue, 'a', testBundle());
  await makeCurrent(taskQueue, 'a');
  const old = await startOn(taskQueue);
  await old.untilPhase('awaiting-approval');
  return { taskQueue, a, old };
}

async function approved({ handle, untilPhase }: TestDeployment): Promise<string> {
  await untilPhase('awaiting-approval');
  await handle.signal(messages.approve, { by: 'ana' });
  return (await handle.result()).outcome;
}

/** The builds that ran the workflow, in order, each once. */
async function buildsOf(handle: DeploymentHandle): Promise<string[]> {
  const { events } = await handle.fetchHistory();
  const builds = (events ?? []).flatMap((event) => {
    const build = event.workflowTaskCompletedEventAttributes?.deploymentVersion?.buildId;
    return build ? [build] : [];
  });
  return [...new Set(builds)];
}

async function eventually<Answer>(ask: () => Promise<Answer | undefined>): Promise<Answer> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask().catch((error: unknown) => {
      if (Date.now() > deadline) throw error;
      return undefined;
    });
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
}

/** Whether the server believes that deployments still need this build. */
function describeBuild(deploymentName: string, buildId: string): Promise<string> {
  const version = ['--deployment-name', deploymentName, '--build-id', buildId];
  return temporalCli('worker', 'deployment', 'describe-version', ...version);
}

/** Where the queue itself sends new work. */
async function currentBuildOf(taskQueue: string): Promise<string | undefined> {
  const { versioningInfo } = await temporal.client().workflowService.describeTaskQueue({
    namespace: NAMESPACE,
    taskQueue: { name: taskQueue },
  });
  return versioningInfo?.currentDeploymentVersion?.buildId ?? undefined;
}

/** What the server knows about the workers that serve this queue. */
async function pollersOf(taskQueue: string) {
  const { pollers } = await temporal.client().workflowService.describeTaskQueue({
    namespace: NAMESPACE,
    taskQueue: { name: taskQueue },
  });
  return pollers.length > 0 ? pollers : undefined;
}

test('a deployment ends on the build it began on, while new ones begin on the build that was made current', async () => {
  const { taskQueue, a, old } = await underWayOnBuildA();

  const b = await startBuild(taskQueue, 'b', incompatible.codePath);
  await makeCurrent(taskQueue, 'b');
  await eventually(async () => (/draining/i.test(await describeBuild(taskQueue, 'a')) ? true : undefined));
  const fresh = await startOn(taskQueue);
  expect(await approved(fresh)).toBe('completed');
  expect(await approved(old)).toBe('completed');

  expect(await buildsOf(old.handle)).toEqual(['a']);
  expect(await buildsOf(fresh.handle)).toEqual(['b']);
  expect(effects(a.asked)).toEqual(['deploy', 'shift 50', 'shift 100']);
  expect(effects(b.asked)).toEqual(['deploy', 'shift 50', 'shift 100']);
  expect(b.asked[0]).toBe('notify info');
  expect(a.asked[0]).toBe('deploy');
});

test('a deployment whose build has no worker left waits for one, whatever other builds do', async () => {
  const { taskQueue, a, old } = await underWayOnBuildA();
  const service = old.handle.workflowId.split('/').at(-1) ?? '';
  const listed = await bluegreen(['list', '--service', service, '--json']).ended;
  expect(JSON.parse(listed.out)).toMatchObject([{ build: `${taskQueue}:a`, hasWorker: true }]);
  await a.stop();
  const { out } = await bluegreen(['status', '--service', service]).ended;
  expect(out).toContain(`Only what Temporal knows is shown: no worker of the build ${taskQueue}:a answers.`);
  expect(out).toMatch(/continues where it stopped: npm .*, with BLUEGREEN_BUILD_ID=a and the same code\./);

  const b = await startBuild(taskQueue, 'b', incompatible.codePath);
  await makeCurrent(taskQueue, 'b');
  await old.handle.signal(messages.approve, { by: 'ana' });
  expect(await approved(await startOn(taskQueue))).toBe('completed');
  expect(effects(b.asked)).toEqual(['deploy', 'shift 50', 'shift 100']);
  const { status, raw } = await old.handle.describe();
  expect(status.name).toBe('RUNNING');
  expect(raw.pendingWorkflowTask).toBeTruthy();

  await startBuild(taskQueue, 'a', testBundle());
  expect((await old.handle.result()).outcome).toBe('completed');
  expect(await buildsOf(old.handle)).toEqual(['a']);
});

test('it can be moved to a build that replays its history, when its own is gone for good', async () => {
  const { taskQueue, a, old } = await underWayOnBuildA();
  await a.stop();

  const b = await startBuild(taskQueue, 'b', compatible.codePath);
  await makeCurrent(taskQueue, 'b');
  const { workflowId } = old.handle;
  const to = ['--versioning-override-deployment-name', taskQueue, '--versioning-override-build-id', 'b'];
  const move = ['--workflow-id', workflowId, '--versioning-override-behavior', 'pinned', ...to];
  await temporalCli('workflow', 'update-options', ...move);
  expect(await approved(old)).toBe('completed');
  expect(await buildsOf(old.handle)).toEqual(['a', 'b']);
  expect(effects(b.asked)).toEqual(['shift 100']);

  const fresh = await startOn(taskQueue);
  await fresh.untilPhase('awaiting-approval');
  // People are told while the deployment goes on.
  await eventually(async () => (b.asked.filter((one) => one === 'notify info').length === 2 ? true : undefined));
});

test('a queue whose name Temporal refuses as that of a worker deployment is refused at the start', () => {
  expect(() => workerVersioning({ BLUEGREEN_TASK_QUEUE: 'deploys.eu', BLUEGREEN_BUILD_ID: 'a' })).toThrow(
    'allows neither "." nor ":"',
  );
  expect(workerVersioning({ BLUEGREEN_TASK_QUEUE: 'deploys.eu', BLUEGREEN_BUILD_ID: '' })).toEqual({});
});

test('a worker without a build id says that it gets nothing while versions are on', async () => {
  const taskQueue = uniqueQueue();
  await startBuild(taskQueue, 'a', testBundle());
  await makeCurrent(taskQueue, 'a');
  const worker = startWorkerProcess(taskQueue, {});
  cleanUps.push(() => worker.kill('SIGKILL'));
  await eventually(
    async () =>
      / WARN {2}This worker gets no deployments: it has no BLUEGREEN_BUILD_ID, and build a is the current one/.test(
        worker.log(),
      ) || undefined,
  );
});

test('turning versions on takes along what is under way: it is pinned to the first build made current', async () => {
  const taskQueue = uniqueQueue();
  const { activities } = world({ activities: { watchWindow: watchUntilShutdown } });
  const unversioned = await temporal.startWorker(activities, taskQueue);
  cleanUps.push(() => unversioned.stop().catch(() => {}));
  const old = await startOn(taskQueue);
  await old.untilPhase('awaiting-approval');
  const a = await startBuild(taskQueue, 'a', testBundle());
  expect(a.asked).toEqual([]);
  await makeCurrent(taskQueue, 'a');
  // It holds on to what it has in its cache.
  await unversioned.stop();
  expect(await approved(old)).toBe('completed');
  expect(effects(a.asked)).toEqual(['shift 100']);
  expect(await buildsOf(old.handle)).toEqual(['a']);
});

test('the worker is versioned under its build id and says how it gets work; without one it is not', async () => {
  const seen = await Promise.all(
    [{ BLUEGREEN_BUILD_ID: '2026-11-25.1' }, {}].map(async (env) => {
      const taskQueue = uniqueQueue();
      const worker = startWorkerProcess(taskQueue, env);
      cleanUps.push(() => worker.kill('SIGKILL'));
      const [poller] = await eventually(() => pollersOf(taskQueue));
      const { deploymentName, buildId } = poller?.deploymentOptions ?? {};
      const isTold = worker
        .log()
        .includes(`set-current-version --deployment-name ${taskQueue} --build-id 2026-11-25.1`);
      return { isNamedAfterQueue: deploymentName === taskQueue, buildId, isTold };
    }),
  );
  expect(seen).toEqual([
    { isNamedAfterQueue: true, buildId: '2026-11-25.1', isTold: true },
    { isNamedAfterQueue: false, buildId: undefined, isTold: false },
  ]);
});
