import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { execa } from 'execa';
import { parse, stringify } from 'yaml';
import { startOpenLoop } from '../../../src/checks/index.ts';
import { findProgram } from '../../../src/processes/index.ts';
import { freePort, type Program } from '../../../src/sandbox/program.ts';
import { guide } from '../../runbook/support.ts';
import { describeWith } from '../../support/installed.ts';
import { registry } from '../../support/registry.ts';
import {
  observe,
  start,
  type TestDeployment,
  uniqueQueue,
  uniqueService,
  useTemporal,
} from '../../support/temporal.ts';
import { startWorkerProcess } from '../../support/worker-process.ts';
import { type Application, type Behaviour, startApplication } from './application.ts';

/**
 * Deployments behind a real router, with the files of examples/haproxy or examples/nginx: only folders, ports and lengths
 * differ. 2.4.0 serves in shop-a, and shop-b runs an older version.
 */
export interface RouterScene {
  /** Runs `body` while this release is deployed. */
  deploy(release: Release, body: (deployment: TestDeployment) => Promise<void>): Promise<void>;
  /** How many requests each version answers from now on, out of a hundred. */
  served(): Promise<Record<string, number>>;
  /** The traffic and the slots, as the example's script prints them or its router reads them. */
  status(): Promise<unknown>;
}

export interface Release {
  readonly version: string;
  readonly behaviour: Behaviour;
  readonly environment: Environment;
}

/** How requests are counted: as the example's runbook does, or with the keys of docs/routers.md that count dropped ones as well. */
type Environment = 'production' | 'dropped-counted';

/** A folder of examples/. */
type Example = 'haproxy' | 'haproxy-servers' | 'nginx';

/** Where the router's files are in this test. */
export interface Site {
  readonly folder: string;
  /** The port here of one in the example. */
  port(inExample: number): number;
  /** A file of the example, with the folders and ports of this test. */
  example(file: string): string;
  /** The example's files that end with `.map`. */
  maps(): readonly string[];
  /** Writes a file below the folder. @returns its path. */
  write(file: string, text: string): Promise<string>;
}

/** In the examples: customers, metrics of HAProxy and of mtail, health. */
const PORTS = [8080, 8405, 3903, 8406];
const REQUESTS_PER_SECOND = 50;
const START_MS = 60_000;
/** Debian has routers where other users than root do not search. */
const SEARCHED = `${process.env['PATH']}:/usr/sbin`;

/** Finds programs. @returns a `describe` that is skipped if one is missing, and their absolute paths. */
export async function findRouter<Name extends string>(...names: readonly Name[]) {
  const paths = new Map<Name, string>();
  for (const name of names) {
    const path = await findProgram(name, SEARCHED);
    if (path !== undefined) paths.set(name, path);
  }
  return {
    describeWithRouter: describeWith(paths.size === names.length || undefined, names.join(', ')),
    pathOf: (name: Name): string => {
      const path = paths.get(name);
      if (path !== undefined) return path;
      throw new Error(`${name} has to be on the PATH: run scripts/support/install-debian.sh`);
    },
  };
}

/** `startRouter` writes the router's files and starts it. Each environment has the example's runbook, with other `metrics`. */
export function useRouter(example: Example, startRouter: (site: Site) => Promise<readonly Program[]>): RouterScene {
  const temporal = useTemporal();
  const taskQueue = uniqueQueue();
  const service = uniqueService();
  const behaviours = new Map<string, Behaviour>();
  const behaviourOf = (version: string): Behaviour => behaviours.get(version) ?? {};
  /** Ends what was started, the last first. */
  const ends: (() => Promise<unknown>)[] = [];
  let customers = '';
  let readStatus: () => Promise<unknown> = async () => undefined;

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bluegreen-router-'));
    ends.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
    const applications = [await startApplication('2.4.0', behaviourOf), await startApplication('2.3.0', behaviourOf)];
    for (const { stop } of applications) ends.push(stop);

    const site = await createSite(folder, example, applications);
    await writeScripts(site, applications);
    for (const { stop } of await startRouter(site)) ends.push(stop);
    readStatus = () => statusOf(site, example, service);
    customers = `http://127.0.0.1:${site.port(8080)}/`;

    for (const [environment, metrics] of metricsOf(site, example)) {
      const runbook = { ...runbookWith(site, metrics), service, environment };
      await site.write(`runbooks/${environment}.yaml`, stringify(runbook));
    }
    const worker = startWorkerProcess(taskQueue, {
      BLUEGREEN_RUNBOOKS: join(folder, 'runbooks'),
      BLUEGREEN_STATE: join(folder, 'state'),
      PATH: `${join(folder, 'bin')}:${SEARCHED}`,
    });
    ends.push(() => worker.kill('SIGTERM'));
    const load = startOpenLoop({
      requestsPerSecond: REQUESTS_PER_SECOND,
      mostInFlight: 500,
      send: () => ask(customers).then(() => undefined, String),
      settled: () => {},
    });
    ends.push(async () => load.stop());
  }, START_MS);

  afterAll(async () => {
    for (const end of ends.toReversed()) await end();
  }, START_MS);

  return {
    async deploy({ version, environment, behaviour }, body) {
      behaviours.set(version, behaviour);
      const handle = await start(temporal.client(), taskQueue, { service, version, environment });
      try {
        await body(observe(handle));
      } finally {
        await handle.terminate('the test is over').catch(() => {});
      }
    },
    async served() {
      const served: Record<string, number> = {};
      for (let asked = 0; asked < 100; asked += 1) {
        const version = await ask(customers);
        served[version] = (served[version] ?? 0) + 1;
      }
      return served;
    },
    status: () => readStatus(),
  };
}

async function ask(url: string): Promise<string> {
  // A connection of its own: one that is kept may be closed by the proxy at any time.
  return (await fetch(url, { headers: { connection: 'close' } })).text();
}

async function createSite(folder: string, example: Example, applications: readonly Application[]): Promise<Site> {
  const ports = new Map<number, number>();
  for (const port of PORTS) ports.set(port, await freePort());
  for (const [index, { port }] of applications.entries()) ports.set(9001 + index, port);
  const portOf = (inExample: number): number => ports.get(inExample) ?? 0;
  const here = (text: string): string =>
    text
      .replace(/(?<=^\s*(?:bind|listen) ):?(8080)/gm, (_, port) => `127.0.0.1:${portOf(Number(port))}`)
      .replace(/127\.0\.0\.1:(\d{4})\b/g, (_, port) => `127.0.0.1:${portOf(Number(port))}`)
      .replace(/\/(?:etc|run|usr\/local|var\/(?:lib|log))\//g, `${folder}/`);
  return {
    folder,
    port: portOf,
    example: (file) => here(readFileSync(join('examples', example, file), 'utf8')),
    maps: () => readdirSync(join('examples', example)).filter((name) => name.endsWith('.map')),
    async write(file, text) {
      const path = join(folder, file);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text);
      return path;
    },
  };
}

/** The example's script, and a `systemctl` that restarts an application as the version that the script wrote for its slot. */
async function writeScripts(site: Site, [a, b]: readonly Application[]): Promise<void> {
  await site.write('default/shop-a', 'VERSION=2.4.0\n');
  await writeProgram(site, 'shop', site.example('shop'));
  await writeProgram(
    site,
    'systemctl',
    `#!/usr/bin/env bash
set -euo pipefail
. ${site.folder}/default/$2
case $2 in shop-a) port=${a?.port} ;; shop-b) port=${b?.port} ;; esac
curl -fsS "http://127.0.0.1:$port/-/restart/$VERSION"
`,
  );
}

export async function writeProgram(site: Site, name: string, text: string): Promise<void> {
  await chmod(await site.write(`bin/${name}`, text), 0o755);
}

async function statusOf(site: Site, example: Example, service: string): Promise<unknown> {
  if (example !== 'haproxy-servers')
    return JSON.parse((await execa(join(site.folder, 'bin/shop'), ['status'])).stdout) as unknown;
  const { router: keys } = parse(site.example('runbook.yaml')) as { router: object };
  const config = { kind: 'haproxy', timeout: 60_000, versionPattern: '(.*)', ...keys };
  const target = { deployment: '', service, environment: '', blue: '', green: '', digest: '' };
  const log = { info() {}, warn() {}, error() {} };
  const router = registry.router(config, { target, env: {}, log, runbook: guide() });
  const run = { signal: new AbortController().signal, heartbeat() {} };
  return { traffic: await router.readTraffic(run), slots: await router.readSlots?.(run) };
}

/** The `metrics` of each environment. */
function metricsOf(site: Site, example: Example): readonly (readonly [Environment, object])[] {
  const { metrics } = parse(site.example('runbook.yaml')) as { metrics: object };
  const [, dropped = ''] = /^```yaml\n(.*?)^```$/ms.exec(readFileSync('docs/routers.md', 'utf8')) ?? [];
  const counted = example === 'haproxy-servers' ? dropped.replaceAll('haproxy_backend_', 'haproxy_server_') : dropped;
  // nginx counts dropped requests anyway.
  return [
    ['production', metrics],
    ['dropped-counted', example === 'nginx' ? metrics : { ...metrics, ...(parse(counted) as object) }],
  ];
}

/** The example's runbook in seconds instead of minutes. So short a soak proves no error rate of 2 %. */
function runbookWith(site: Site, metrics: object): Record<string, unknown> {
  const runbook = parse(site.example('runbook.yaml')) as Record<string, object>;
  return {
    ...runbook,
    metrics: { ...metrics, poll: '500ms' },
    limits: { ...runbook['limits'], errorRate: '10%' },
    judge: { burstTolerance: '1s', minRequests: 30 },
    traffic: [
      { percentage: 50, soak: '6s' },
      { percentage: 100, soak: '3s' },
    ],
    watch: { window: '2s', gateWindow: '1m', maxUnwatched: '1m', maxSoakFactor: 10 },
    recovery: { pause: '2s', guard: '2s' },
  };
}
