import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { freeLowPorts } from '../../bench/free-port.ts';
import { startProcess } from '../../bench/processes.ts';

/** A Temporal server that lets in people with a JWT only, and records them as principals. */
export interface AuthenticatingServer {
  /** A connection of this person; the name is the `sub` of the token. */
  connect(person: string): Promise<Connection>;
  /** The same for a worker. */
  connectWorker(name: string): Promise<NativeConnection>;
  stop(): Promise<void>;
}

const BUILD = fileURLToPath(new URL('../../bench/temporal-server', import.meta.url));
const SERVICES = ['frontend', 'internal-frontend', 'matching', 'history', 'worker'] as const;
const KEY_ID = 'test';
const READY_WITHIN_MS = 90_000;

/** The server that bench/temporal-server/build.sh built; undefined where it was not built. */
export function builtServer(): string | undefined {
  const [, version = ''] = /go\.temporal\.io\/server (v\S+)/.exec(readFileSync(join(BUILD, 'go.mod'), 'utf8')) ?? [];
  const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  const file = join(cache, 'bluegreen', 'temporal-server', version, 'server');
  return existsSync(file) ? file : undefined;
}

export async function startAuthenticatingServer(program: string): Promise<AuthenticatingServer> {
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-principals-'));
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const write = async (name: string, content: unknown): Promise<string> => {
    await writeFile(join(folder, name), JSON.stringify(content));
    return join(folder, name);
  };
  const jwk = publicKey.export({ format: 'jwk' });
  const keys = await write('jwks.json', { keys: [{ ...jwk, kid: KEY_ID, use: 'sig', alg: 'RS256' }] });
  const dynamic = await write('dynamic.yaml', { 'frontend.enablePrincipalPropagation': [{ value: true }] });
  const ports = await freeLowPorts(2 * SERVICES.length);
  const config = await write('server.yaml', configOf({ keys: pathToFileURL(keys).href, dynamic, ports }));
  const services = SERVICES.flatMap((name) => ['--service', name]);
  const server = await startProcess(program, ['--config-file', config, 'start', ...services], { stdio: 'ignore' });

  const address = `127.0.0.1:${ports[0]}`;
  const as = (person: string, role: string) => ({
    address,
    metadata: { authorization: `Bearer ${token(key, person, [`default:${role}`, 'temporal-system:read'])}` },
  });
  const stop = async (): Promise<void> => {
    await server.end();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await registerNamespace(address, token(key, 'admin', ['temporal-system:admin']));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    connect: (person) => Connection.connect(as(person, 'write')),
    connectWorker: (name) => NativeConnection.connect(as(name, 'admin')),
    stop,
  };
}

/** The frontend answers after some seconds, and knows a new namespace some seconds later. */
async function registerNamespace(address: string, jwt: string): Promise<void> {
  const options = { address, metadata: { authorization: `Bearer ${jwt}` }, connectTimeout: 1_000 };
  const deadline = Date.now() + READY_WITHIN_MS;
  for (let registered = false; ; ) {
    const connection = Connection.lazy(options);
    const { workflowService } = connection;
    try {
      const workflowExecutionRetentionPeriod = { seconds: 86_400 as never };
      if (!registered)
        await workflowService.registerNamespace({ namespace: 'default', workflowExecutionRetentionPeriod });
      registered = true;
      await workflowService.listOpenWorkflowExecutions({ namespace: 'default', maximumPageSize: 1 });
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(500);
    } finally {
      await connection.close();
    }
  }
}

function token(key: KeyObject, sub: string, permissions: readonly string[]): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const now = Math.floor(Date.now() / 1_000);
  const text = `${encode({ alg: 'RS256', typ: 'JWT', kid: KEY_ID })}.${encode({ sub, permissions, iat: now, exp: now + 3_600 })}`;
  return `${text}.${sign('RSA-SHA256', Buffer.from(text), key).toString('base64url')}`;
}

function configOf({ keys, dynamic, ports }: { keys: string; dynamic: string; ports: readonly number[] }): object {
  const memory = {
    sql: {
      pluginName: 'sqlite',
      databaseName: 'default',
      connectAddr: 'localhost',
      connectProtocol: 'tcp',
      connectAttributes: { mode: 'memory', cache: 'private' },
      maxConns: 1,
      maxIdleConns: 1,
      maxConnLifetime: '1h',
    },
  };
  const rpc = (index: number) => ({
    rpc: { grpcPort: ports[2 * index], membershipPort: ports[2 * index + 1], bindOnLocalHost: true },
  });
  const active = {
    enabled: true,
    initialFailoverVersion: 1,
    rpcName: 'frontend',
    rpcAddress: `127.0.0.1:${ports[0]}`,
  };
  return {
    log: { stdout: true, level: 'fatal' },
    persistence: {
      defaultStore: 'main',
      visibilityStore: 'visibility',
      numHistoryShards: 1,
      datastores: { main: memory, visibility: memory },
    },
    global: {
      membership: { maxJoinDuration: '30s', broadcastAddress: '127.0.0.1' },
      authorization: { authorizer: 'default', claimMapper: 'default', jwtKeyProvider: { keySourceURIs: [keys] } },
    },
    services: Object.fromEntries(SERVICES.map((name, index) => [name, rpc(index)])),
    clusterMetadata: {
      enableGlobalNamespace: false,
      failoverVersionIncrement: 10,
      masterClusterName: 'active',
      currentClusterName: 'active',
      clusterInformation: { active },
    },
    dcRedirectionPolicy: { policy: 'noop' },
    dynamicConfigClient: { filepath: dynamic, pollInterval: '10s' },
  };
}
