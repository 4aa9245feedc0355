import { setTimeout as sleep } from 'node:timers/promises';
import type { RunContext } from '../util/index.ts';
import {
  type ApiAnswer,
  type ApiRequest,
  type ClusterConfig,
  connectionTo,
  loadLibrary,
  UnusableConfig,
} from './connection.ts';
import { isConflict, nameOf, pathOf, refusal, refusedWith, unreachable } from './refusal.ts';
import type { KubeObject, ObjectRef, Resource } from './resources.ts';

/** The name under which the API server keeps which fields are ours. */
export const FIELD_MANAGER = 'bluegreen';

/** Longer than the 10 s that the API server gives a webhook as a rule: its own words say that one did not answer. */
const ANSWER_MS = 12_000;
/** A restart of the API server, or a change of its leader, must not end a deployment. */
const WRITE_PATIENCE_MS = 30_000;
/** Longer than one answer may take: a read that is lost once must not end a deployment either. */
const READ_PATIENCE_MS = 15_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4_000;

/** An operation of JSON Patch (RFC 6902). */
export interface PatchOperation {
  readonly op: 'add' | 'replace' | 'remove' | 'test';
  readonly path: string;
  readonly value?: unknown;
}

interface ListQuery {
  readonly namespace: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** `0`: as the API server remembers them, which is cheaper for it and may be a moment old. */
  readonly resourceVersion?: '0';
}

/**
 * The API server of one cluster. Requests that are not answered, or answered with 429 or 5xx, are sent again for some seconds;
 * `run.heartbeat` says so. All functions throw an ApplicationFailure of type `CommandFailed` that says what could not be done and why
 * (`refusedWith` reads its HTTP status), and the signal's reason when that aborts.
 */
export interface Cluster {
  /** Undefined if there is none. */
  get<T extends KubeObject>(ref: ObjectRef, run: RunContext): Promise<T | undefined>;
  list<T extends KubeObject>(resource: Resource, where: ListQuery, run: RunContext): Promise<T[]>;
  /**
   * Reads the object and patches it with what `plan` returns for its spec; an empty list changes nothing. Fails when the spec changed in
   * between, and then starts again with what it is now. Resolves with the object as it is afterwards.
   */
  change<T extends KubeObject>(
    ref: ObjectRef,
    plan: (current: T) => readonly PatchOperation[],
    run: RunContext,
  ): Promise<T>;
  /** Server-side apply with the field manager `bluegreen`. `dryRun` changes nothing. */
  apply<T extends KubeObject>(
    ref: ObjectRef,
    object: unknown,
    options: { readonly dryRun?: true; readonly force?: true },
    run: RunContext,
  ): Promise<T>;
  /** Creates an object that only asks, such as a review, and resolves with the answer. */
  review<T>(resource: Resource, object: Readonly<Record<string, unknown>>, run: RunContext): Promise<T>;
  /** Any other path of the API, such as the discovery `/apis/apps/v1`. Undefined if there is none. */
  read<T>(path: string, run: RunContext): Promise<T | undefined>;
}

export function openCluster(config: ClusterConfig, env: NodeJS.ProcessEnv): Cluster {
  const connection = connectionTo(config, env);

  async function once(action: string, request: ApiRequest, signal: AbortSignal): Promise<ApiAnswer | Error> {
    await loadLibrary(); // no part of the time that the API server has
    const timeout = AbortSignal.timeout(ANSWER_MS);
    try {
      return await connection(request, AbortSignal.any([signal, timeout]));
    } catch (error) {
      signal.throwIfAborted();
      const failure = unreachable(action, error, timeout.aborted ? ANSWER_MS : undefined);
      if (error instanceof UnusableConfig) throw failure;
      return failure;
    }
  }

  /** @throws as `Cluster` does, for every answer but one of success, and 404 where `absent` is allowed. */
  async function ask(action: string, request: ApiRequest, { signal, heartbeat }: RunContext): Promise<ApiAnswer> {
    const until = Date.now() + (request.method === 'GET' ? READ_PATIENCE_MS : WRITE_PATIENCE_MS);
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      signal.throwIfAborted();
      const answer = await once(action, request, signal);
      if (!(answer instanceof Error) && !isTemporary(answer.status)) return answer;
      const problem = answer instanceof Error ? answer : refusal(action, answer);
      const waitMs =
        (answer instanceof Error ? undefined : answer.retryAfterMs) ?? pauseMs * (0.75 + Math.random() / 2);
      if (Date.now() + waitMs > until) throw problem;
      heartbeat({ doing: `trying again to ${action}`, problem: problem.message });
      await sleep(waitMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  async function succeed<T>(action: string, request: ApiRequest, run: RunContext): Promise<T> {
    const answer = await ask(action, request, run);
    if (answer.status >= 300) throw refusal(action, answer);
    return answer.body as T;
  }

  async function read<T>(action: string, path: string, run: RunContext): Promise<T | undefined> {
    const answer = await ask(action, { method: 'GET', path }, run);
    if (answer.status === 404) return undefined;
    if (answer.status >= 300) throw refusal(action, answer);
    return answer.body as T;
  }

  async function hasChanged(ref: ObjectRef, { metadata: { uid, generation } }: KubeObject, run: RunContext) {
    const now = await cluster.get(ref, run);
    return now?.metadata.uid !== uid || now.metadata.generation !== generation;
  }

  const cluster: Cluster = {
    get: (ref, run) => read(`read ${nameOf(ref)}`, objectPath(ref), run),

    async list<T>(resource: Resource, where: ListQuery, run: RunContext): Promise<T[]> {
      const { namespace, ...selectors } = where;
      const query = new URLSearchParams(Object.entries(selectors)).toString();
      const path = `${pathOf(resource, namespace)}?${query}`;
      const action = `list ${resource.plural} in the namespace ${namespace}`;
      return (await succeed<{ readonly items: T[] }>(action, { method: 'GET', path }, run)).items;
    },

    async change<T extends KubeObject>(
      ref: ObjectRef,
      plan: (current: T) => readonly PatchOperation[],
      run: RunContext,
    ): Promise<T> {
      // Something that writes to it all the time is in between most tries, not all of them.
      const until = Date.now() + WRITE_PATIENCE_MS;
      for (;;) {
        const current = await cluster.get<T>(ref, run);
        if (!current) throw refusal(`change ${nameOf(ref)}`, { status: 404, body: { message: 'it does not exist' } });
        const operations = plan(current);
        if (operations.length === 0) return current;
        const path = `${objectPath(ref)}?fieldManager=${FIELD_MANAGER}`;
        try {
          return await succeed<T>(
            `change ${nameOf(ref)}`,
            {
              method: 'PATCH',
              path,
              body: [...unlessChanged(current), ...operations],
              contentType: 'application/json-patch+json',
            },
            run,
          );
        } catch (error) {
          const isInBetween =
            isConflict(error) || (refusedWith(error) === 422 && (await hasChanged(ref, current, run)));
          if (!isInBetween || Date.now() > until) throw error;
          run.signal.throwIfAborted();
          run.heartbeat({
            doing: `trying again to change ${nameOf(ref)}`,
            problem: 'somebody else changed it in between',
          });
        }
      }
    },

    apply: (ref, object, { dryRun, force }, run) =>
      succeed(
        `apply ${nameOf(ref)}`,
        {
          method: 'PATCH',
          path: `${objectPath(ref)}?fieldManager=${FIELD_MANAGER}${force ? '&force=true' : ''}${dryRun ? '&dryRun=All' : ''}`,
          body: object,
          contentType: 'application/apply-patch+yaml', // JSON is YAML
        },
        run,
      ),

    review: (resource, object, run) =>
      succeed(
        `ask with a ${resource.kind}`,
        {
          method: 'POST',
          path: pathOf(resource),
          body: { apiVersion: resource.apiVersion, kind: resource.kind, ...object },
        },
        run,
      ),

    read: (path, run) => read(`read ${path}`, path, run),
  };
  return cluster;
}

/**
 * Has the patch fail where the object is not as it was read. Its status and annotations may change: controllers write them all the
 * time. An object without a generation, such as a Service, has to be the same version.
 */
function unlessChanged({ metadata: { uid, generation, resourceVersion } }: KubeObject): PatchOperation[] {
  if (generation === undefined) return [{ op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion }];
  return [
    { op: 'test', path: '/metadata/uid', value: uid },
    { op: 'test', path: '/metadata/generation', value: generation },
  ];
}

function objectPath({ resource, namespace, name }: ObjectRef): string {
  return `${pathOf(resource, namespace)}/${encodeURIComponent(name)}`;
}

function isTemporary(status: number): boolean {
  return status === 429 || status >= 500;
}
