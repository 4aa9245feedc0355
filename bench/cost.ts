import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { print } from '../src/cli/index.ts';
import { startLocalServer } from '../src/local-temporal/index.ts';
import { connectClient } from '../src/temporal/index.ts';
import { type Fleet, openFleet } from './fleet.ts';
import { processWith, type Usage, usageOf } from './processes.ts';
import { mebibytes, percent, row } from './table.ts';

/** What watching deployments at 50 % costs, two metrics of each every 15 s from a real Prometheus. */

export const IDLE_MS = 15_000;
export const SETTLED_MS = 20_000;
export const MEASURED_MS = 120_000;
const QUEUE = 'cost';

export async function benchCost(deployments: number): Promise<void> {
  const services = costServices(deployments);
  const fleet = await openFleet(services);
  try {
    await measureFleet(fleet, services);
  } finally {
    await fleet.stop();
  }
}

export const costServices = (deployments: number): string[] =>
  Array.from({ length: deployments }, (_, index) => `cost-${index}`);

/** What one worker and its Temporal server use while it watches these, and what `others` use: a name and a process id each. */
export async function measureFleet(
  fleet: Fleet,
  services: readonly string[],
  others: readonly (readonly [name: string, pid: number])[] = [],
): Promise<void> {
  const deployments = services.length;
  const server = await startLocalServer();
  const connection = await connectClient({ connectionOptions: { address: server.address }, namespace: 'default' });
  try {
    const worker = await fleet.startWorker('worker', { TEMPORAL_ADDRESS: server.address, BLUEGREEN_TASK_QUEUE: QUEUE });
    const pids = [
      worker.pid,
      await processWith('--port', new URL(`http://${server.address}`).port),
      ...others.map(([, pid]) => pid),
    ];
    await delay(SETTLED_MS); // it still compiles what it has loaded
    const idle = await usageOf(pids, IDLE_MS);
    await fleet.deployAll(new Client({ connection }), QUEUE, services);
    await delay(SETTLED_MS);
    const sent = (await worker.requests()).get('RecordActivityTaskHeartbeat') ?? 0;
    const watching = await usageOf(pids, MEASURED_MS);
    const heartbeats = ((await worker.requests()).get('RecordActivityTaskHeartbeat') ?? 0) - sent;

    printCost(deployments, ['worker', 'Temporal server', ...others.map(([name]) => name)], watching, idle);
    const perMinute = heartbeats / deployments / (MEASURED_MS / 60_000);
    print(`heartbeats of each deployment: ${perMinute.toFixed(1)} a minute`);
    if (fleet.seen.rollbacks() > 0) print(`rolled back: ${fleet.seen.rollbacks()}`);
    await worker.end('SIGTERM');
  } finally {
    await connection.close();
    await server.stop();
  }
}

/** What each of these programs used while it watched so many deployments, and before. */
export function printCost(
  deployments: number,
  names: readonly string[],
  watching: readonly Usage[],
  idle: readonly Usage[],
): void {
  print(`${deployments} deployments at 50 %, two metrics of each every 15 s from Prometheus:`);
  print(row('', 'CPU of one core', 'idle', 'memory', 'at most', 'idle', 'CPU for each', 'memory for each'));
  for (const [index, name] of names.entries()) print(line(name, deployments, watching[index], idle[index]));
}

function line(name: string, deployments: number, now: Usage | undefined, idle: Usage | undefined): string {
  if (!now || !idle) throw new Error('every process is measured');
  return row(
    name,
    percent(now.cpuShare),
    percent(idle.cpuShare),
    mebibytes(now.megabytes),
    mebibytes(now.mostMegabytes),
    mebibytes(idle.megabytes),
    `${((100 * (now.cpuShare - idle.cpuShare)) / deployments).toFixed(3)} %`,
    `${((now.megabytes - idle.megabytes) / deployments).toFixed(2)} MiB`,
  );
}
