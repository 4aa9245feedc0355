import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { deploymentWorkflowId } from '../src/domain/index.ts';
import { WORKFLOW_TYPE } from '../src/temporal/index.ts';

/** Workers whose platform does nothing (scale-worker.ts), and the metrics that they watch. */

export async function startDeployment(client: Client, taskQueue: string, service: string) {
  const workflowId = deploymentWorkflowId(service, 'production');
  return client.workflow.start(WORKFLOW_TYPE, { taskQueue, workflowId, args: [{ service, version: '2.5.0' }] });
}

/** The metrics of every service, on a page of its own. */
export async function servePages() {
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
    lastReadAt: (service: string) => asked.get(service)?.at ?? 0,
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

export async function startWorker(args: readonly string[]) {
  const file = fileURLToPath(new URL('scale-worker.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const restored = new Map<string, number>();
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => restored.set(line, Date.now()));
  while (!restored.has('ready')) await once(lines, 'line');
  return {
    pid: child.pid ?? 0,
    hasRestored: (service: string) => restored.has(service),
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
