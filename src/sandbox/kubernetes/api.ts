import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';

/** A small client of the Kubernetes API for the sandbox and the tests: paths and objects as the API has them. */

export interface KubernetesObject<Spec = unknown, Status = unknown> {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMetadata;
  readonly spec?: Spec;
  readonly status?: Status;
}

interface ObjectMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
}

type PatchType = 'merge' | 'json' | 'strategic' | 'apply';

export interface KubernetesApi {
  /** @throws ApiError, as all of these do, when the answer is no success. */
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: object): Promise<T>;
  put<T>(path: string, body: object): Promise<T>;
  patch<T>(path: string, body: object, type?: PatchType): Promise<T>;
  delete(path: string, body?: object): Promise<void>;
  /** Whether everything is installed that it serves. Never throws. */
  isReady(): Promise<boolean>;
  /** Resolves with the object once it is there and as wanted; asks every 50 ms, also while the API server is away. */
  until<T>(path: string, isWanted?: (object: T) => boolean): Promise<T>;
  follow<T extends KubernetesObject>(following: Following<T>): void;
  /** Ends its connections, at once. */
  close(): Promise<void>;
}

/** Goes on also after an API server that was away. */
interface Following<T> {
  readonly path: string;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Gets all objects, at the start and after every change. */
  readonly onChange: (objects: readonly T[]) => void;
}

/** What the API server answered in place of success. */
export class ApiError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }
}

export interface ApiAccess {
  /** `https://127.0.0.1:6443` */
  readonly server: string;
  /** Certificates in PEM. */
  readonly authority: string;
  readonly token: string;
}

const CONTENT_TYPES: Readonly<Record<PatchType, string>> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};
const AGAIN_MS = 200;
const ASK_EVERY_MS = 50;

export function connect({ server, authority, token }: ApiAccess): KubernetesApi {
  const agent = new Agent({ connect: { ca: authority }, bodyTimeout: 0, headersTimeout: 30_000 });

  async function ask(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, given: Asked = {}) {
    const { statusCode, body } = await agent.request({
      origin: server,
      path,
      method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        'content-type': given.contentType ?? 'application/json',
      },
      body: given.body === undefined ? null : JSON.stringify(given.body),
      ...(given.signal && { signal: given.signal }),
    });
    if (statusCode >= 200 && statusCode < 300) return body;
    const text = await body.text();
    throw new ApiError(statusCode, `${method} ${path}: ${statusCode} ${messageIn(text)}`);
  }
  const json = async <T>(...args: Parameters<typeof ask>): Promise<T> => (await (await ask(...args)).json()) as T;

  async function followOnce<T extends KubernetesObject>({ path, signal, onChange }: Following<T>): Promise<void> {
    const list = await json<{ items: T[]; metadata: { resourceVersion: string } }>('GET', path, { signal });
    const objects = new Map(list.items.map((object) => [keyOf(object), object]));
    onChange([...objects.values()]);
    const from = `watch=true&resourceVersion=${list.metadata.resourceVersion}`;
    const stream = await ask('GET', `${path}${path.includes('?') ? '&' : '?'}${from}`, { signal });
    let text = '';
    for await (const chunk of stream.setEncoding('utf8')) {
      text += chunk;
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) {
        const { type, object } = JSON.parse(line) as { type: string; object: T };
        if (type === 'ERROR') return; // the version is too old: list again
        if (type === 'DELETED') objects.delete(keyOf(object));
        else objects.set(keyOf(object), object);
      }
      if (lines.length > 0) onChange([...objects.values()]);
    }
  }

  return {
    get: (path) => json('GET', path),
    post: (path, body) => json('POST', path, { body }),
    put: (path, body) => json('PUT', path, { body }),
    patch: (path, body, type = 'merge') => json('PATCH', path, { body, contentType: CONTENT_TYPES[type] }),
    async delete(path, body) {
      await json('DELETE', path, { body });
    },
    isReady: () =>
      ask('GET', '/readyz').then(
        (body) => body.dump().then(() => true),
        () => false,
      ),
    async until<T>(path: string, isWanted: (object: T) => boolean = () => true) {
      for (;;) {
        const found = await json<T>('GET', path).catch(() => undefined);
        if (found !== undefined && isWanted(found)) return found;
        await sleep(ASK_EVERY_MS);
      }
    },
    close: () => agent.destroy(),
    follow(following) {
      const signal = AbortSignal.any([following.signal]); // many follow until the same one: each would add listeners to it
      void (async () => {
        while (!signal.aborted) {
          await followOnce({ ...following, signal }).catch(() => undefined);
          await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined);
        }
      })();
    },
  };
}

interface Asked {
  readonly body?: object | undefined;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

const keyOf = ({ metadata: { namespace = '', name } }: KubernetesObject): string => `${namespace}/${name}`;

function messageIn(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    return text;
  }
}
