import { readFile, stat } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { parse } from 'yaml';
import { messageOf } from '../util/index.ts';
import type { KubeConfig } from './library.ts';

const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** Which cluster, as the runbook names it. Without a file: the pod's service account, KUBECONFIG, or ~/.kube/config. */
export interface ClusterConfig {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** From the root, with the query. */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
}

export interface ApiAnswer {
  readonly status: number;
  /** From `Retry-After`; missing where the server names no time. */
  readonly retryAfterMs?: number;
  readonly body: unknown;
}

/** The configuration names no usable cluster: a file is missing, a context is unknown, a plugin for credentials failed. */
export class UnusableConfig extends Error {}

/** Sends one request. @throws UnusableConfig; the error of the connection; the signal's reason when that aborts. */
export type Connection = (request: ApiRequest, signal: AbortSignal) => Promise<ApiAnswer>;

const connections = new Map<string, Connection>();

/** One connection for each cluster, shared by the deployments of this worker: connecting costs more than asking. */
export function connectionTo(config: ClusterConfig, env: NodeJS.ProcessEnv): Connection {
  const key = JSON.stringify([config.kubeconfig, config.context, env['KUBECONFIG']]);
  const connection = connections.get(key) ?? connect(config, env);
  connections.set(key, connection);
  return connection;
}

function connect(config: ClusterConfig, env: NodeJS.ProcessEnv): Connection {
  const agent = new Agent({ keepAlive: true });
  let loaded: { readonly kubeConfig: KubeConfig; readonly changedAt: number } | undefined;

  /** Read again when its file has changed: certificates and tokens in it are renewed. */
  async function current(): Promise<KubeConfig> {
    const { kubeconfig } = config;
    const changedAt = kubeconfig === undefined ? 0 : await changeTime(kubeconfig);
    if (loaded?.changedAt !== changedAt) loaded = { kubeConfig: await load(config, env), changedAt };
    return loaded.kubeConfig;
  }

  async function send(request: ApiRequest, signal: AbortSignal): Promise<ApiAnswer> {
    const kubeConfig = await current();
    const cluster = kubeConfig.getCurrentCluster();
    if (!cluster) throw new UnusableConfig('it names no cluster');
    const options: RequestOptions = { headers: {} };
    await kubeConfig.applyToHTTPSOptions(options).catch((error: unknown) => {
      throw new UnusableConfig(messageOf(error));
    });
    // The library makes an agent for each request, which would be a connection for each request.
    if (!cluster.proxyUrl && cluster.server.startsWith('https')) options.agent = agent;
    return exchange(cluster.server, request, options, signal);
  }

  return async (request, signal) => {
    const answer = await untilAbort(send(request, signal), signal);
    if (answer.status !== 401) return answer;
    // A token may have been replaced since it was read.
    loaded = undefined;
    return untilAbort(send(request, signal), signal);
  };
}

/** Only workers that use Kubernetes load it. From source, where all of it is loaded, that takes up to ten seconds on a busy machine. */
export const loadLibrary = () => import('./library.ts');

async function load({ kubeconfig, context }: ClusterConfig, env: NodeJS.ProcessEnv): Promise<KubeConfig> {
  const { KubeConfig } = await loadLibrary();
  const loaded = new KubeConfig();
  try {
    if (kubeconfig !== undefined) await loadFile(loaded, kubeconfig);
    else if (env['KUBERNETES_SERVICE_HOST'] && (await changeTime(SERVICE_ACCOUNT_TOKEN).catch(() => 0)) > 0)
      loaded.loadFromCluster();
    else loaded.loadFromDefault();
  } catch (error) {
    throw error instanceof UnusableConfig ? error : new UnusableConfig(messageOf(error));
  }
  if (context === undefined) return loaded;
  const known = loaded.getContexts().map(({ name }) => name);
  if (!known.includes(context))
    throw new UnusableConfig(`it has no context "${context}", only ${known.join(', ') || 'none'}`);
  loaded.setCurrentContext(context);
  return loaded;
}

async function loadFile(loaded: KubeConfig, path: string): Promise<void> {
  loaded.loadFromFile(path);
  // The library does not know `tokenFile`, which a sidecar or the kubelet renews.
  const { users = [] } = parse(await readFile(path, 'utf8')) as {
    users?: { name: string; user?: { tokenFile?: string } }[];
  };
  const tokenFiles = new Map(users.map(({ name, user }) => [name, user?.tokenFile]));
  loaded.users = loaded.users.map((user) => {
    const tokenFile = tokenFiles.get(user.name);
    return tokenFile === undefined ? user : { ...user, authProvider: { name: 'tokenFile', config: { tokenFile } } };
  });
}

async function changeTime(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch {
    throw new UnusableConfig('the file in workload.cluster.kubeconfig cannot be read on this worker');
  }
}

async function exchange(
  server: string,
  { method, path, body, contentType = 'application/json' }: ApiRequest,
  options: RequestOptions,
  signal: AbortSignal,
): Promise<ApiAnswer> {
  signal.throwIfAborted();
  const url = new URL(`${server.replace(/\/$/, '')}${path}`);
  const content = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    ...(options.headers as Readonly<Record<string, string>>),
    accept: 'application/json',
    ...(content !== undefined && { 'content-type': contentType, 'content-length': Buffer.byteLength(content) }),
  };
  const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
    ...options,
    method,
    headers,
    signal,
  });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve);
    request.on('error', reject);
    request.end(content);
  });
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
  const retryAfter = Number(response.headers['retry-after']);
  return {
    status: response.statusCode ?? 0,
    ...(retryAfter > 0 && { retryAfterMs: retryAfter * 1_000 }),
    body: asJson(text),
  };
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A plugin for credentials cannot be ended; nobody has to wait for it. */
async function untilAbort<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  work.catch(() => undefined);
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    signal.throwIfAborted();
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
