import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { formatDuration, print } from '../src/cli/index.ts';
import { type LocalServer, startLocalServer } from '../src/local-temporal/index.ts';
import { connectClient } from '../src/temporal/index.ts';
import { cpuMs, residentMegabytes } from './processes.ts';
import { median, quantile, row } from './table.ts';
import { servePages, startDeployment, startWorker } from './workers.ts';

/** What so many deployments that soak at once cost one worker. Polled every 5 s, judged by evidence, 20 requests a second each. */
interface Scale {
  readonly deployments: number;
  /** Of the worker's process, resident. */
  readonly megabytes: number;
  /** Of one core. */
  readonly cpuShare: number;
  /** How much later than after 5 s a page was read again: the median, and all but one of a hundred. */
  readonly pollLateMs: { readonly median: number; readonly p99: number };
  /** From a fault (all of green's requests fail) to the start of the rollback: the median of several. */
  readonly reactionMs: number;
}

const POLL_MS = 5_000;
const MEASURED_MS = 30_000;
const FAULTS = 5;
const STARTED_AT_ONCE = 20;

async function measureScale(sizes: readonly number[], notice: (line: string) => void): Promise<Scale[]> {
  const server = await startLocalServer();
  try {
    const results = [];
    for (const size of sizes) {
      results.push(await measureSize(server, size));
      notice(`  ${size} at once: measured`);
    }
    return results;
  } finally {
    await server.stop();
  }
}

async function measureSize(server: LocalServer, size: number): Promise<Scale> {
  const pages = await servePages();
  const taskQueue = `scale-${size}`;
  const client = new Client({
    connection: await connectClient({ connectionOptions: { address: server.address }, namespace: 'default' }),
  });
  const worker = await startWorker([server.address, taskQueue, pages.origin]);
  const services = Array.from({ length: size }, (_, index) => `scale-${size}-${index}`);
  try {
    for (let begun = 0; begun < size; begun += STARTED_AT_ONCE)
      await Promise.all(
        services.slice(begun, begun + STARTED_AT_ONCE).map((service) => startDeployment(client, taskQueue, service)),
      );
    while (services.some((service) => pages.readings(service) < 3)) await delay(500);

    pages.forgetGaps();
    const before = await cpuMs(worker.pid);
    await delay(MEASURED_MS);
    const cpuShare = ((await cpuMs(worker.pid)) - before) / MEASURED_MS;
    const late = pages.gaps().map((gap) => gap - POLL_MS);
    const megabytes = await residentMegabytes(worker.pid);

    const reactions: number[] = [];
    for (let fault = 0; fault < FAULTS; fault += 1) {
      const service = services[Math.floor((fault * size) / FAULTS)];
      if (service === undefined || pages.isFailing(service)) break; // with one deployment there is one fault
      const at = Date.now();
      pages.fail(service);
      reactions.push((await worker.restoring(service)) - at);
    }
    const pollLateMs = { median: median(late), p99: quantile(late, 0.99) };
    return { deployments: size, megabytes, cpuShare, pollLateMs, reactionMs: median(reactions) };
  } finally {
    await worker.stop();
    await client.connection.close();
    pages.stop();
  }
}

export async function benchScale(): Promise<void> {
  print('Deployments that soak at once on one worker, polled every 5 s:');
  const results = await measureScale([1, 10, 100, 500], print);
  print(row('deployments', 'memory', 'CPU of one core', 'polls late, median', '99 of 100', 'reaction'));
  for (const { deployments, megabytes, cpuShare, pollLateMs, reactionMs } of results)
    print(
      row(
        String(deployments),
        `${megabytes.toFixed(0)} MB`,
        `${(100 * cpuShare).toFixed(0)} %`,
        `${pollLateMs.median} ms`,
        `${pollLateMs.p99} ms`,
        formatDuration(reactionMs),
      ),
    );
}
