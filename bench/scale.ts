import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import { type LocalServer, startLocalServer } from '../scripts/support/local-server.ts';
import { deploymentWorkflowId } from '../src/runbook/plan.ts';
import { connectClient } from '../src/temporal/connection.ts';
import { WORKFLOW_TYPE } from '../src/temporal/names.ts';

/** What so many deployments that soak at once cost one worker. Polled every 5 s, judged by evidence, 20 requests a second each. */
export interface Scale {
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

export async function measureScale(sizes: readonly number[], notice: (line: string) => void): Promise<Scale[]> {
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
  const workflowId = (service: string) => deploymentWorkflowId(service, 'production');
  try {
    for (let begun = 0; begun < size; begun += STARTED_AT_ONCE)
      await Promise.all(
        services.slice(begun, begun + STARTED_AT_ONCE).map((service) =>
          client.workflow.start(WORKFLOW_TYPE, {
            taskQueue,
            workflowId: workflowId(service),
            args: [{ service, version: '2.5.0' }],
          }),
        ),
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
    const pollLateMs = { median: quantile(late, 0.5), p99: quantile(late, 0.99) };
    return { deployments: size, megabytes, cpuShare, pollLateMs, reactionMs: quantile(reactions, 0.5) };
  } finally {
    for (const service of services)
      await client.workflow
        .getHandle(workflowId(service))
        .terminate()
        .catch(() => {});
    await worker.stop();
    await client.connection.close();
    pages.stop();
  }
}

/** The metrics of every service, on a page of its own. */
async function servePages() {
  const startedAt = Date.now();
  const asked = new Map<string, { at: number; times: number }>();
  const failing = new Map<string, number>();
  let gaps: number[] = [];
  const server = createServer((request, response) => {
    const service = (request.url ?? '').slice(1);
    const now = Date.now();
    const last = asked.get(service);
    if (last) gaps.push(now - last.at);
    asked.set(service, { at: now, times: (last?.times ?? 0) + 1 });
    const count = (ms: number) => Math.floor(ms / 100); // ten a second of each version
    const since = failing.get(service) ?? now;
    response.end(
      `http_requests_total{version="2.4.0",code="200"} ${count(now - startedAt)}\n` +
        `http_requests_total{version="2.5.0",code="200"} ${count(since - startedAt)}\n` +
        `http_requests_total{version="2.5.0",code="500"} ${count(now - since)}\n`,
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    readings: (service: string) => asked.get(service)?.times ?? 0,
    gaps: () => gaps,
    forgetGaps: () => {
      gaps = [];
    },
    isFailing: (service: string) => failing.has(service),
    fail: (service: string) => failing.set(service, Date.now()),
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function startWorker(args: readonly string[]) {
  const file = fileURLToPath(new URL('scale-worker.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const restored = new Map<string, number>();
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => restored.set(line, Date.now()));
  while (!restored.has('ready')) await once(lines, 'line');
  return {
    pid: child.pid ?? 0,
    async restoring(service: string): Promise<number> {
      for (;;) {
        const at = restored.get(service);
        if (at !== undefined) return at;
        await once(lines, 'line');
      }
    },
    async stop() {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

/** What the process has used so far; Linux counts it in hundredths of a second. */
async function cpuMs(pid: number): Promise<number> {
  const [, rest = ''] = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ');
  const fields = rest.split(' ');
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

async function residentMegabytes(pid: number): Promise<number> {
  const [, kilobytes = '0'] = /VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1_024;
}

function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(part * values.length) - 1] ?? Number.NaN;
}
