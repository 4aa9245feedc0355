import { setTimeout as delay } from 'node:timers/promises';
import { Client, type Connection } from '@temporalio/client';
import { formatDuration, print } from '../src/cli/index.ts';
import { deploymentWorkflowId } from '../src/domain/index.ts';
import { connectClient } from '../src/temporal/index.ts';
import { type Fleet, type FleetWorker, openFleet } from './fleet.ts';
import { usageOf } from './processes.ts';
import { mebibytes, median, percent, quantile, row } from './table.ts';
import { startTemporalCluster, type TemporalCluster } from './temporal-cluster.ts';

/**
 * Many deployments that soak at once on a real Temporal server with PostgreSQL and three workers: what they cost, and how soon
 * each is watched again after a worker was killed and after one was drained by an upgrade with pinned versions.
 */

const WORKERS = 3;
const POLL_MS = 15_000;
const SETTLED_MS = 45_000;
const MEASURED_MS = 120_000;
const WATCHED_AGAIN_WITHIN_MS = 15_000;
const LOOK_MS = 100;
const QUEUE = 'cluster';
const [FIRST_BUILD, NEXT_BUILD] = ['build-1', 'build-2'];

export async function benchCluster(deployments: number): Promise<void> {
  const services = Array.from({ length: deployments }, (_, index) => `cluster-${index}`);
  print('Starting a Temporal server on PostgreSQL (it is built the first time) ...');
  const cluster = await startTemporalCluster();
  const fleet = await openFleet([...services, LATE]);
  const connection = await connectClient({ connectionOptions: { address: cluster.address }, namespace: 'default' });
  try {
    await measure({ cluster, fleet, connection, services });
  } finally {
    await fleet.stop();
    await connection.close();
    await cluster.stop();
  }
}

/** A deployment that begins after the upgrade. */
const LATE = 'cluster-late';

interface Scene {
  readonly cluster: TemporalCluster;
  readonly fleet: Fleet;
  readonly connection: Connection;
  readonly services: readonly string[];
}

async function measure(scene: Scene): Promise<void> {
  const { cluster, fleet, connection, services } = scene;
  const { seen } = fleet;
  const start = (name: string, buildId: string): Promise<FleetWorker> =>
    fleet.startWorker(name, {
      TEMPORAL_ADDRESS: cluster.address,
      BLUEGREEN_TASK_QUEUE: QUEUE,
      BLUEGREEN_BUILD_ID: buildId,
    });
  const workers: FleetWorker[] = [];
  for (let number = 1; number <= WORKERS; number += 1) workers.push(await start(`worker-${number}`, FIRST_BUILD));
  await makeCurrent(connection, FIRST_BUILD);
  const pids = workers.map(({ pid }) => pid);
  const idle = await usageOf(pids, 15_000);
  const emptyDatabase = await cluster.databaseMegabytes();

  const client = new Client({ connection });
  const startedAt = Date.now();
  await fleet.deployAll(client, QUEUE, services);
  print(`${services.length} deployments soak, ${formatDuration(Date.now() - startedAt)} after the first was started`);
  await delay(SETTLED_MS);

  seen.takeGaps();
  const before = await cluster.actions();
  const [server, ...used] = await usageOf([cluster.pid, ...pids], MEASURED_MS);
  const actions = difference(before, await cluster.actions());
  const late = seen.takeGaps().map((gap) => Math.max(0, gap - POLL_MS));

  print(row('', 'watches', 'CPU of one core', 'memory', 'at most', 'empty', 'CPU for each', 'memory for each'));
  for (const [index, usage] of used.entries()) {
    const own = services.filter((service) => seen.reader(service) === `worker-${index + 1}`).length;
    const { cpuShare = 0, megabytes = 0 } = idle[index] ?? {};
    print(
      row(
        `worker ${index + 1}`,
        String(own),
        percent(usage.cpuShare),
        mebibytes(usage.megabytes),
        mebibytes(usage.mostMegabytes),
        mebibytes(megabytes),
        `${((100 * (usage.cpuShare - cpuShare)) / own).toFixed(3)} %`,
        `${((usage.megabytes - megabytes) / own).toFixed(2)} MiB`,
      ),
    );
  }
  if (server)
    print(
      row(
        'Temporal server',
        '',
        percent(server.cpuShare),
        mebibytes(server.megabytes),
        mebibytes(server.mostMegabytes),
      ),
    );
  print(
    `polls late: ${milliseconds(median(late))} in the median, 99 of 100 at most ${milliseconds(quantile(late, 0.99))}, at worst ${milliseconds(Math.max(...late))}`,
  );
  const minutes = MEASURED_MS / 60_000;
  const each = (number: number): string => (number / services.length / minutes).toFixed(2);
  print(
    `actions of each deployment a minute: ${[...actions].map(([kind, number]) => `${each(number)} ${kind}`).join(', ')}`,
  );

  const killed = await watchedAgain(scene, 'worker-1', () => workers[0]?.end('SIGKILL'));
  print(`${killed.lost} watches lost their worker by SIGKILL. ${killed.words}`);
  await start('worker-4', FIRST_BUILD); // as whatever runs the workers would

  await start('worker-5', NEXT_BUILD);
  await makeCurrent(connection, NEXT_BUILD);
  const drained = await watchedAgain(scene, 'worker-2', () => workers[1]?.end('SIGTERM'));
  print(`${drained.lost} watches lost their worker by an upgrade (SIGTERM). ${drained.words}`);
  await fleet.deployAll(client, QUEUE, [LATE]);
  await until(() => seen.lastReadAt(LATE) > 0, 60_000);
  const strayed = services.filter((service) => seen.reader(service) === 'worker-5').length;
  print(`a deployment that began after the upgrade is watched by ${seen.reader(LATE)}; ${strayed} others are`);

  const open = await Promise.all(services.map((service) => isOpen(client, service)));
  print(`rolled back: ${seen.rollbacks()}; ended: ${open.filter((isStill) => !isStill).length}`);
  const full = await cluster.databaseMegabytes();
  print(
    `database: ${mebibytes(full)}, ${((1_024 * (full - emptyDatabase)) / services.length).toFixed(0)} KiB for each deployment`,
  );
}

/** From the end of a worker until each of its deployments was read by another one. */
async function watchedAgain(
  { fleet: { seen }, services }: Scene,
  worker: string,
  end: () => Promise<void> | undefined,
): Promise<{ readonly lost: number; readonly words: string }> {
  const endedAt = Date.now();
  // One that was rolled back is not watched any more.
  const isWatched = (service: string) => endedAt - seen.lastReadAt(service) < 2 * POLL_MS;
  const lost = services.filter((service) => seen.reader(service) === worker && isWatched(service));
  const ending = end();
  await until(() => lost.every((service) => seen.reader(service) !== worker), 300_000);
  await ending;
  const times = lost.map((service) => seen.takenOverAt(service) - endedAt);
  // A worker that drains goes on watching until it hands a watch over: then only a reading that comes late is a gap.
  const late = lost.map((service) => Math.max(0, seen.unreadMs(service) - POLL_MS));
  const words = [
    `Watched again after ${spread(times)}.`,
    `From the last reading to the next the poll's ${formatDuration(POLL_MS)} and ${spread(late)} more.`,
  ].join(' ');
  return { lost: lost.length, words };
}

function spread(times: readonly number[]): string {
  const inTime = times.filter((time) => time <= WATCHED_AGAIN_WITHIN_MS).length;
  return `${formatDuration(median(times))} in the median, ${formatDuration(Math.max(...times))} at worst (${inTime} of ${times.length} within ${formatDuration(WATCHED_AGAIN_WITHIN_MS)})`;
}

async function until(isTrue: () => boolean, withinMs: number): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!isTrue()) {
    if (Date.now() > deadline) throw new Error(`what was waited for has not come within ${formatDuration(withinMs)}`);
    await delay(LOOK_MS);
  }
}

async function makeCurrent(connection: Connection, buildId: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      await connection.workflowService.setWorkerDeploymentCurrentVersion({
        namespace: 'default',
        deploymentName: QUEUE,
        buildId,
        identity: 'bench',
      });
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error; // the server has not seen a worker of this build yet
      await delay(1_000);
    }
  }
}

async function isOpen(client: Client, service: string): Promise<boolean> {
  const { status } = await client.workflow.getHandle(deploymentWorkflowId(service, 'production')).describe();
  return status.name === 'RUNNING';
}

function difference(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): Map<string, number> {
  const risen = [...after].map(([kind, number]): [string, number] => [kind, number - (before.get(kind) ?? 0)]);
  return new Map(risen.filter(([, number]) => number > 0));
}

function milliseconds(number: number): string {
  return `${number.toFixed(0)} ms`;
}
