import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../util/index.ts';
import { type Child, startChild } from './children.ts';
import { startControl } from './control.ts';
import { AS_FOUND, allowPassage, type DatabaseOrder, MIGRATED, startDatabase, urlOf } from './database.ts';
import { createFaults, type Fault } from './faults.ts';
import type { ControlPlane } from './kubernetes/control-plane.ts';
import type { KubernetesPrograms } from './kubernetes/find-kubernetes.ts';
import { startKubernetesProduction } from './kubernetes/production.ts';
import type { LoadConfig, LoadOrder } from './load.ts';
import { findMonitoring, startMonitoring } from './monitoring.ts';
import { refuseMissingPackages } from './packages.ts';
import { type ProductionOptions, startProduction } from './production.ts';
import { freePort, listenOnce } from './program.ts';
import { noticing } from './restart.ts';
import type { RouterConfig, RouterOrder } from './router.ts';
import { USERS } from './seed.ts';
import { SERVICE, type ServiceFault } from './service.ts';
import { startStaging } from './staging.ts';

/**
 * A little production on one machine: PostgreSQL, the recommendation service in up to two versions, a router with metrics,
 * customers, and the guide's commands. For the demo and the tests.
 */
export interface Sandbox {
  readonly directory: string;
  readonly controlUrl: string;
  readonly routerUrl: string;
  readonly metricsUrl: string;
  /** Has a placeholder: the router passes it to that very `{version}`. */
  readonly healthUrl: string;
  /** Where a version can be tested under load; has a placeholder. */
  readonly stagingUrl: string;
  /** Of the Prometheus that evaluates the alerts; undefined where this machine has no Prometheus and Alertmanager. */
  readonly prometheusUrl?: string;
  /** As a role that sees all connections and may create the service's indexes. */
  readonly databaseUrl: string;
  /** Where production runs on Kubernetes. */
  readonly kubernetes?: ControlPlane;
  /** Holds `deploy`, `shift-traffic`, `rollback` and `traffic-status`. */
  readonly binDirectory: string;
  /** JSON lines, one for each command that was asked for: `{ at, command, args, operation?, attempt?, outcome }`. */
  readonly auditFile: string;
  /** What a worker needs in its environment to deploy here. */
  readonly env: Readonly<Record<string, string>>;
  /** Arms a fault in place of the one before. */
  inject(fault: Fault): Promise<void>;
  /** When the armed fault struck, epoch milliseconds; undefined before. */
  faultStruckAt(): number | undefined;
  /** Ends a fault that struck too: a lost index is built again when a green serves. */
  clearFault(): Promise<void>;
  setRate(requestsPerSecond: number): Promise<void>;
  /** What is wrong with a running version from now on; nothing, with an empty one. */
  disturb(version: string, fault: ServiceFault): Promise<void>;
  /** Every running version with its percentage, at this moment. */
  traffic(): Readonly<Record<string, number>>;
  /** Prometheus goes away, and comes back with what it had. */
  pauseMonitoring(): Promise<void>;
  resumeMonitoring(): Promise<void>;
  /** Ends every process and removes a temporary folder. May be called twice. */
  stop(): Promise<void>;
}

export interface SandboxOptions {
  /** Holds the data and is kept; without it, a temporary folder is made and removed at the end. */
  readonly directory?: string;
  /** Free ones when not given. */
  readonly ports?: {
    readonly router?: number;
    readonly control?: number;
    readonly postgres?: number;
    readonly prometheus?: number;
  };
  /** The name by which the commands know its service, where several sandboxes run. By default "recommendation". */
  readonly service?: string;
  readonly requestsPerSecond?: number;
  /**
   * By default production is as the guide found it: too few connections for two versions side by side, and 2.5.0's index
   * is missing. With this, neither is so.
   */
  readonly withoutPitfalls?: boolean;
  /** Whether there is a place to test 2.5.0 under load: a database of its own, as full as production's. By default yes. */
  readonly staging?: boolean;
  /** Whether there are alerts, where this machine has the programs for it. By default yes. */
  readonly monitoring?: boolean;
  readonly fault?: Fault;
  /**
   * Production runs on a control plane of these programs: it is changed over the API, and the commands refuse. Without them the
   * versions are processes that the commands start.
   */
  readonly kubernetes?: KubernetesPrograms;
  /** Interactions: the more, the slower is 2.5.0 without its index. */
  readonly rows?: number;
}

/** Starts everything. @throws with what to do when a package is missing, a port is taken or a part does not start; nothing is left running. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  refuseMissingPackages();
  await refuseTakenPorts(options.ports ?? {});
  const temporary = options.directory === undefined;
  const given = options.directory ?? (await mkdtemp(join(tmpdir(), 'bluegreen-sandbox-')));
  await allowPassage(given);
  const directory = await realpath(given);

  /** What ends each part, the last started first. */
  const endings: (() => Promise<void>)[] = [];
  const endAll = async (): Promise<void> => {
    for (let end = endings.pop(); end; end = endings.pop()) await end().catch((error: unknown) => console.error(error));
    // The database's process has removed it; unless it was not even reached.
    if (temporary) await rm(directory, { recursive: true, force: true });
  };
  try {
    return await startParts({ ...options, directory, temporary }, endings, endAll);
  } catch (error) {
    await endAll();
    throw new Error(`The sandbox did not start: ${messageOf(error)}`, { cause: error });
  }
}

async function startParts(
  options: SandboxOptions & { readonly directory: string; readonly temporary: boolean },
  endings: (() => Promise<void>)[],
  endAll: () => Promise<void>,
): Promise<Sandbox> {
  const { directory, temporary, ports = {}, requestsPerSecond = 40 } = options;
  const startingRouter = startChild<RouterOrder>({
    program: 'router-process',
    name: 'router',
    config: { port: ports.router ?? 0 } satisfies RouterConfig,
    directory,
  });
  startingRouter.catch(() => undefined); // awaited below; until then a failure must not count as unhandled
  endings.push(() =>
    startingRouter.then(
      (router) => router.stop(),
      () => undefined,
    ),
  );
  const programs = options.monitoring === false ? undefined : await findMonitoring(process.env);
  const startingMonitoring =
    programs &&
    startingRouter.then(({ port }) =>
      startMonitoring({ programs, directory, target: `127.0.0.1:${port}`, port: ports.prometheus ?? 0 }),
    );
  startingMonitoring?.catch(() => undefined); // awaited below
  endings.push(async () => (await startingMonitoring?.catch(() => undefined))?.stop());
  const rows = options.rows ?? 500_000;
  const startingDatabase = startDatabase({
    directory,
    temporary,
    port: ports.postgres ?? (await freePort()),
    rows,
    ...(options.withoutPitfalls ? MIGRATED : AS_FOUND),
  });
  startingDatabase.catch(() => undefined); // awaited below
  const startingStaging =
    options.staging === false ? undefined : startStaging({ directory, temporary, rows, port: await freePort() });
  startingStaging?.catch(() => undefined); // awaited below
  endings.unshift(async () => (await startingStaging?.catch(() => undefined))?.stop());
  const database = await startingDatabase;
  endings.unshift(() => database.stop());
  const router = await startingRouter;
  const staging = await startingStaging;

  const databaseUrl = urlOf(database.port, 'bluegreen');
  const faults = createFaults(databaseUrl);
  const platform: ProductionOptions = {
    directory,
    databaseUrl: urlOf(database.port, 'recommendation'),
    setRoutes: (routes) => router.order({ routes, staging: staging ? [staging.route] : [] }),
    onChange: (green) => faults.greenChanged(green),
  };
  const onKubernetes =
    options.kubernetes && (await startKubernetesProduction({ ...platform, programs: options.kubernetes }));
  const production = onKubernetes ?? (await startProduction(platform));
  endings.push(() => production.stop());

  const auditFile = join(directory, 'audit.jsonl');
  const routerUrl = `http://127.0.0.1:${router.port}`;
  const metricsUrl = `${routerUrl}/metrics`;
  const control = await startControl({
    port: ports.control ?? 0,
    service: options.service ?? SERVICE,
    auditFile,
    production,
    rollbackDelayMs: () => faults.rollbackDelayMs(),
    setMaxConnections: (maxConnections) => raise(database, maxConnections, metricsUrl),
  });
  endings.push(() => control.stop());

  const load = await startChild<LoadOrder>({
    program: 'load-process',
    name: 'load',
    config: { origin: routerUrl, users: USERS, requestsPerSecond } satisfies LoadConfig,
    directory,
  });
  endings.push(() => load.stop());
  endings.push(async () => faults.disarm());
  const monitoring = await startingMonitoring;
  if (options.fault) await faults.inject(options.fault);

  const controlUrl = `http://127.0.0.1:${control.port}`;
  const binDirectory = fileURLToPath(new URL('bin', import.meta.url));
  let stopping: Promise<void> | undefined;
  return {
    directory,
    controlUrl,
    routerUrl,
    metricsUrl,
    healthUrl: `${routerUrl}/-/versions/{version}/healthz`,
    stagingUrl: `${routerUrl}/-/staging/{version}`,
    ...(monitoring ? { prometheusUrl: monitoring.url } : {}),
    databaseUrl,
    ...(onKubernetes && { kubernetes: onKubernetes.plane }),
    binDirectory,
    auditFile,
    env: {
      PATH: [binDirectory, process.env['PATH']].join(delimiter),
      BLUEGREEN_SANDBOX: controlUrl,
      RECOMMENDATION_DATABASE_URL: databaseUrl,
      ...(staging ? { RECOMMENDATION_STAGING_DATABASE_URL: staging.databaseUrl } : {}),
    },
    inject: (fault) => faults.inject(fault),
    faultStruckAt: () => faults.struckAt(),
    clearFault: () => faults.clear(),
    setRate: (rate) => load.order({ requestsPerSecond: rate }),
    disturb: (version, given) => production.disturb(version, given),
    traffic: () => production.traffic(),
    pauseMonitoring: async () => monitoring?.pause(),
    resumeMonitoring: async () => monitoring?.resume(),
    stop: () => (stopping ??= endAll()),
  };
}

async function raise(database: Child<DatabaseOrder>, maxConnections: number, metricsUrl: string): Promise<string> {
  const noticed = await noticing(metricsUrl, () => database.order({ maxConnections }));
  return `max_connections is ${maxConnections}; PostgreSQL was restarted: ${noticed}`;
}

/** Before anything is started: a port that is taken is the one thing that goes wrong with every second sandbox. */
async function refuseTakenPorts(ports: Readonly<Record<string, number>>): Promise<void> {
  for (const [part, port] of Object.entries(ports)) {
    await listenOnce(port).catch((error: unknown) => {
      throw new Error(
        `Port ${port} for the sandbox's ${part} is taken (${messageOf(error)}): end what listens there, perhaps another sandbox, or choose another port.`,
        { cause: error },
      );
    });
  }
}
