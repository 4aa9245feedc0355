import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { execa } from 'execa';
import { type DeploymentStatus, deploymentWorkflowId } from '../src/domain/index.ts';
import { findProgram } from '../src/processes/index.ts';
import { WORKFLOW_TYPE } from '../src/temporal/index.ts';
import { type FleetServices, GREEN, READER_HEADER, serveFleet } from './fleet-services.ts';
import { freePort } from './free-port.ts';
import { type Process, startProcess } from './processes.ts';

/** Many services with real runbooks, a real Prometheus, and workers as processes of their own, as `npm start` runs them. */
export interface Fleet {
  readonly seen: FleetServices;
  startWorker(name: string, env: NodeJS.ProcessEnv): Promise<FleetWorker>;
  /**
   * Starts a deployment of each of these services, and waits until green of each has traffic.
   * @throws Error that says how it ended, where one ends before, and where those stand that take too long.
   */
  deployAll(client: Client, taskQueue: string, services: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

export interface FleetWorker extends Process {
  /** How many requests of each kind it sent to Temporal so far, by the name of the call. */
  requests(): Promise<ReadonlyMap<string, number>>;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** As in `npm start`. */
const ALLOCATOR = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '65536', MALLOC_TRIM_THRESHOLD_: '131072' };
/** Each runs a few commands until its soak begins. */
const STARTING_AT_ONCE = 250;
const SOAKS_WITHIN_MS = 40 * 60_000;
/** Those that were started first and still do not soak are looked at so often, so many at once. */
const LOOK_EVERY_MS = 15_000;
const LOOK_AT = 10;

/** The keys `workload` and `router` of a service's runbook. */
export type Platform = (service: string, seen: FleetServices) => string;

/**
 * @param platform by default a program that the worker starts for each look at the router
 * @throws Error where Prometheus or curl is not installed.
 */
export async function openFleet(services: readonly string[], platform?: Platform): Promise<Fleet> {
  await build();
  const prometheus = await programOf('prometheus');
  const on = platform ?? commands(await programOf('curl'));
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-fleet-'));
  const seen = await serveFleet();
  for (const service of services) seen.add(service);
  const started: Process[] = [];

  const port = await freePort();
  seen.usePrometheus(`http://127.0.0.1:${port}`);
  await writeFile(join(folder, 'prometheus.yaml'), prometheusConfig(seen.origin, services));
  const args = [
    `--config.file=${join(folder, 'prometheus.yaml')}`,
    `--storage.tsdb.path=${join(folder, 'prometheus')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=error',
  ];
  started.push(await startProcess(prometheus, args));

  const runbooks = join(folder, 'runbooks');
  await mkdir(runbooks);
  for (const service of services) await writeFile(join(runbooks, `${service}.yaml`), runbookOf(service, seen, on));

  return {
    seen,
    async startWorker(name, env) {
      const page = `127.0.0.1:${await freePort()}`;
      const worker = await startProcess(
        process.env['BENCH_NODE'] ?? process.execPath,
        [...nodeArgs(), 'dist/worker.js'],
        {
          cwd: ROOT,
          env: {
            ...process.env,
            ...ALLOCATOR,
            BLUEGREEN_RUNBOOKS: runbooks,
            BLUEGREEN_STATE: join(folder, 'state'),
            BLUEGREEN_METRICS: page,
            BLUEGREEN_LOG_LEVEL: 'error',
            WORKER_NAME: name,
            ...env,
          },
        },
      );
      started.push(worker);
      while ((await requestsOn(page)).get('PollActivityTaskQueue') === undefined) {
        if (worker.child.exitCode !== null) throw new Error(`${name} ended before it took any work`);
        await delay(100);
      }
      return { ...worker, requests: () => requestsOn(page) };
    },

    async deployAll(client, taskQueue, some) {
      const deadline = Date.now() + SOAKS_WITHIN_MS;
      const isStarting = (service: string): boolean => seen.share(service) === 0;
      let nextLookAt = Date.now() + LOOK_EVERY_MS;
      let begun: string[] = [];
      for (const service of some) {
        await client.workflow.start(WORKFLOW_TYPE, {
          taskQueue,
          workflowId: deploymentWorkflowId(service, 'production'),
          args: [{ service, version: GREEN }],
        });
        begun.push(service);
        while (begun.length >= STARTING_AT_ONCE || (begun.length > 0 && service === some.at(-1))) {
          await delay(100);
          begun = begun.filter(isStarting);
          if (Date.now() < nextLookAt) continue;
          nextLookAt = Date.now() + LOOK_EVERY_MS;
          const isLate = Date.now() > deadline;
          for (const slow of begun.slice(0, LOOK_AT)) await refuseEnded(client, slow, isLate);
        }
      }
    },

    async stop() {
      for (const one of started.toReversed()) await one.end();
      seen.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** @throws Error with its status where the deployment has ended, or `isLate`. */
async function refuseEnded(client: Client, service: string, isLate: boolean): Promise<void> {
  const handle = client.workflow.getHandle(deploymentWorkflowId(service, 'production'));
  const { status } = await handle.describe();
  if (status.name === 'RUNNING' && !isLate) return;
  const { phase, outcome, waitingFor } = await handle.query<DeploymentStatus>('status');
  throw new Error(`${service} does not soak: ${phase}, ${outcome ?? waitingFor?.what ?? 'which takes too long'}`);
}

/** Makes `dist` where a file of `src` is newer. */
async function build(): Promise<void> {
  const files = (await readdir(join(ROOT, 'src'), { recursive: true })).map((name) => join(ROOT, 'src', name));
  const changedAt = await Promise.all(files.map(async (file) => (await stat(file)).mtimeMs));
  const built = await stat(join(ROOT, 'dist', 'workflow-bundle.js')).catch(() => undefined);
  if (!built || Math.max(...changedAt) > built.mtimeMs)
    await execa('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** To look inside: `BENCH_NODE_ARGS='--cpu-prof --cpu-prof-dir=/tmp/profiles'`. `BENCH_NODE` names another Node. */
function nodeArgs(): string[] {
  return (process.env['BENCH_NODE_ARGS'] ?? '').split(' ').filter((word) => word !== '');
}

async function programOf(name: string): Promise<string> {
  const program = await findProgram(name, process.env['PATH']);
  if (program === undefined) throw new Error(`this part needs ${name}, which is not installed`);
  return program;
}

async function requestsOn(page: string): Promise<Map<string, number>> {
  const text = await fetch(`http://${page}/metrics`).then(
    (answer) => answer.text(),
    () => '',
  );
  const counts = new Map<string, number>();
  for (const [, long = '', labels = '', value = '0'] of text.matchAll(
    /^temporal_(long_)?request_total\{([^}]*)\} (\d+)/gm,
  )) {
    const [, operation = long] = /operation="([^"]*)"/.exec(labels) ?? [];
    counts.set(operation, (counts.get(operation) ?? 0) + Number(value));
  }
  return counts;
}

/** Each service is a target of its own, so that their scrapes are spread over the interval. */
const prometheusConfig = (origin: string, services: readonly string[]): string =>
  JSON.stringify({
    global: { scrape_interval: '15s' },
    scrape_configs: [
      {
        job_name: 'fleet',
        static_configs: services.map((service) => ({
          targets: [new URL(origin).host],
          labels: { __metrics_path__: `/metrics/${service}` },
        })),
      },
    ],
  });

const commands =
  (curl: string): Platform =>
  (_, { origin }) =>
    `
workload: { kind: command, deploy: ["true"], health: { url: "${origin}/health" } }
router:
  kind: command
  shiftTraffic: ["${curl}", -sf, "${origin}/shift/{service}/{percentage}"]
  rollback: ["${curl}", -sf, "${origin}/shift/{service}/0"]
  status: ["${curl}", -sf, "${origin}/traffic/{service}"]
`;

/** Two metrics of two versions every 15 s: the share of failed requests, and the 95th percentile of the latency. */
const runbookOf = (service: string, seen: FleetServices, platform: Platform): string => `
service: ${service}
environment: production
${platform(service, seen).trim()}
metrics:
  kind: prometheus
  url: "${seen.prometheusUrl}"
  requests: http_requests_total
  latency: http_request_duration_seconds
  selector: { service: ${service} }
  headers: { ${READER_HEADER}: { env: WORKER_NAME } }
  poll: 15s
limits: { errorRate: 5%, latency: { quantile: 0.95, under: 500ms } }
traffic: [{ percentage: 50, soak: 2h }, { percentage: 100, soak: 2h }]
`;
