import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, type KubernetesApi } from './api.ts';
import {
  type Container,
  faultOf,
  NO_ROOM,
  now,
  type Phase,
  type Pod,
  type PodState,
  pullError,
  statusOf,
  unschedulable,
} from './pod.ts';

/**
 * A stand-in for the scheduler and the kubelet of one node: binds pods, says that they run, and goes through the faults of
 * `pod.ts`. Images that it knows run as processes; all others only say so.
 */
export interface Kubelet {
  /** The process of a pod with this IP, if it has one. */
  processAt(ip: string): PodProcess | undefined;
  /** Ends its processes. Pods stay as they are. */
  stop(): Promise<void>;
}

/** A container that really runs. */
export interface PodProcess {
  readonly origin: string;
  isAlive(): boolean;
  /** May take as long as the process drains. */
  stop(): Promise<void>;
}

export interface KubeletOptions {
  /** By default all do. */
  readonly exists?: (image: string) => boolean;
  /** Starts the container if it is one that really runs. @throws when it does not start: it crashes then, as far as Kubernetes knows. */
  readonly run?: (pod: Pod, container: Container) => Promise<PodProcess> | undefined;
}

const NODE = 'sandbox';
/** Shorter than the kubelet's 10 s to 5 min, so that a test sees several in seconds. */
const FIRST_BACK_OFF_MS = 1_000;
const LONGEST_BACK_OFF_MS = 10_000;
/** As Kubernetes has it where the probe names none. */
const FAILURE_THRESHOLD = 3;
const PROBE_EVERY_MS = 1_000;
/** After an answer of the API server that was no success. */
const AGAIN_MS = 200;

/** What is known about a pod beside its object. */
interface Life {
  pod: Pod;
  state: PodState;
  process?: PodProcess | undefined;
  /** Probes in a row without success. */
  probesFailed: number;
  /** Ends a wait when the pod was changed. */
  wake: () => void;
}

export async function startKubelet(api: KubernetesApi, options: KubeletOptions = {}): Promise<Kubelet> {
  await api.post('/api/v1/nodes', { metadata: { name: NODE } });
  const lives = new Map<string, Life>();
  const stopping = new AbortController();
  const { exists = () => true } = options;
  let addresses = 0;

  api.follow<Pod>({ path: '/api/v1/pods', signal: stopping.signal, onChange: meet });

  function meet(pods: readonly Pod[]): void {
    const known = new Set(pods.map(({ metadata }) => metadata.uid));
    for (const [uid, life] of lives) if (!known.has(uid)) void end(uid, life);
    for (const pod of pods) {
      const uid = pod.metadata.uid ?? '';
      const life = lives.get(uid);
      if (!life) {
        addresses += 1;
        const ip = `10.244.${addresses >> 8}.${addresses & 255}`;
        const born: Life = {
          pod,
          state: { phase: 'creating', ip, restarts: 0, startedAt: now() },
          probesFailed: 0,
          wake() {},
        };
        lives.set(uid, born);
        void live(uid, born);
      } else {
        const before = wishOf(life.pod);
        life.pod = pod;
        if (wishOf(pod) !== before) life.wake();
      }
    }
  }

  async function live(uid: string, life: Life): Promise<void> {
    while (!stopping.signal.aborted && lives.get(uid) === life) {
      const wish = wishOf(life.pod);
      const waitMs = await step(life).catch((error: unknown) => {
        if (error instanceof ApiError && error.status === 404) return undefined; // gone: the watch says so too
        return AGAIN_MS;
      });
      if (wishOf(life.pod) === wish) await changed(life, waitMs);
    }
  }

  /** One step towards what the pod should be. @returns when to look again; undefined: when the pod was changed. */
  async function step(life: Life): Promise<number | undefined> {
    const { pod } = life;
    const fault = faultOf(pod) ?? (pod.spec?.containers.every(({ image }) => exists(image)) ? undefined : 'pull-error');
    if (pod.metadata.deletionTimestamp !== undefined) return remove(life);
    if (!pod.spec?.nodeName) {
      if (fault !== 'unschedulable') return bind(pod);
      await patchStatus(pod, unschedulable());
      await event(pod, 'FailedScheduling', NO_ROOM, 'default-scheduler');
      return undefined;
    }
    const [container] = pod.spec.containers;
    if (!container) return undefined;
    switch (fault) {
      case 'pull-error':
        if (life.state.phase === 'pull-back-off') return undefined;
        await enter(life, life.state.phase === 'pull-error' ? 'pull-back-off' : 'pull-error');
        await event(pod, 'Failed', `Failed to pull image "${container.image}": ${pullError(container.image)}`);
        return FIRST_BACK_OFF_MS;
      case 'invalid-image':
        if (life.state.phase !== 'invalid-image') await enter(life, 'invalid-image');
        return undefined;
      case 'crash':
        return crash(life, { exitCode: 1, reason: 'Error' });
      case 'oom':
        return crash(life, { exitCode: 137, reason: 'OOMKilled' });
      case 'never-ready':
      case 'unschedulable':
      case undefined:
        return runAndProbe(life, container);
    }
  }

  async function runAndProbe(life: Life, container: Container): Promise<number | undefined> {
    const { pod } = life;
    if (life.process && !life.process.isAlive()) return crash(life, { exitCode: 1, reason: 'Error' });
    const starting = life.process ? undefined : options.run?.(pod, container);
    if (starting) {
      const started = await starting.catch(() => undefined);
      if (!started) return crash(life, { exitCode: 1, reason: 'Error' });
      life.process = started;
    }
    const failure =
      faultOf(pod) === 'never-ready' ? 'HTTP probe failed with statuscode: 503' : await probe(life, container);
    if (failure !== undefined) await event(pod, 'Unhealthy', `Readiness probe failed: ${failure}`);
    life.probesFailed = failure === undefined ? 0 : life.probesFailed + 1;
    const { failureThreshold = FAILURE_THRESHOLD } = container.readinessProbe ?? {};
    const staysReady =
      life.state.phase === 'ready' && faultOf(pod) === undefined && life.probesFailed < failureThreshold;
    const phase = failure === undefined || staysReady ? 'ready' : 'running';
    if (life.state.phase !== phase) await enter(life, phase);
    return life.process || failure !== undefined ? PROBE_EVERY_MS : undefined;
  }

  /** It runs for a moment without being ready, ends, and is started again after a back-off, as often as it takes. */
  async function crash(life: Life, exit: { readonly exitCode: number; readonly reason: string }): Promise<number> {
    const { pod, state } = life;
    if (state.phase === 'creating' || state.phase === 'back-off') {
      await enter(life, 'running');
      return AGAIN_MS;
    }
    await life.process?.stop();
    life.process = undefined;
    await enter(life, 'back-off', { restarts: state.restarts + 1, lastExit: { ...exit, at: now() } });
    await event(
      pod,
      'BackOff',
      `Back-off restarting failed container ${pod.spec?.containers[0]?.name} in pod ${pod.metadata.name}`,
    );
    return Math.min(FIRST_BACK_OFF_MS * 2 ** state.restarts, LONGEST_BACK_OFF_MS);
  }

  async function enter(life: Life, phase: Phase, more: Partial<PodState> = {}): Promise<void> {
    const state = { ...life.state, ...more, phase };
    await patchStatus(life.pod, statusOf(life.pod, state));
    life.state = state;
  }

  async function bind({ metadata }: Pod): Promise<undefined> {
    await api.post(`${pathOf(metadata)}/binding`, {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: metadata.name },
      target: { kind: 'Node', name: NODE },
    });
    return undefined;
  }

  async function remove(life: Life): Promise<undefined> {
    const { seconds = 0 } = life.pod.spec?.containers[0]?.lifecycle?.preStop?.sleep ?? {};
    if (life.process) await sleep(seconds * 1_000, undefined, { signal: stopping.signal });
    await life.process?.stop();
    life.process = undefined;
    await api.delete(pathOf(life.pod.metadata), {
      gracePeriodSeconds: 0,
      preconditions: { uid: life.pod.metadata.uid },
    });
    return undefined;
  }

  async function end(uid: string, life: Life): Promise<void> {
    lives.delete(uid);
    life.wake();
    await life.process?.stop();
  }

  async function patchStatus({ metadata }: Pod, status: object): Promise<void> {
    await api.patch(`${pathOf(metadata)}/status`, { metadata: { uid: metadata.uid }, status });
  }

  async function event(pod: Pod, reason: string, message: string, component = 'kubelet'): Promise<void> {
    const { name, namespace, uid } = pod.metadata;
    const at = now();
    await api.post(`/api/v1/namespaces/${namespace}/events`, {
      metadata: { generateName: `${name}.` },
      involvedObject: { apiVersion: 'v1', kind: 'Pod', name, namespace, uid },
      type: 'Warning',
      reason,
      message,
      source: { component },
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
    });
  }

  return {
    processAt: (ip) => [...lives.values()].find(({ state }) => state.ip === ip)?.process,
    async stop() {
      stopping.abort();
      for (const life of lives.values()) life.wake();
      await Promise.all([...lives.values()].map(async ({ process }) => process?.stop()));
    },
  };
}

/** What somebody wants of the pod: its status is ours, and no change. */
const wishOf = (pod: Pod): string =>
  JSON.stringify([
    pod.spec?.nodeName,
    faultOf(pod),
    pod.metadata.deletionTimestamp,
    pod.spec?.containers.map(({ image }) => image),
  ]);

const pathOf = ({ namespace, name }: Pod['metadata']): string => `/api/v1/namespaces/${namespace}/pods/${name}`;

/** @returns why it is not ready; undefined if it is. */
async function probe({ process }: Life, { readinessProbe }: Container): Promise<string | undefined> {
  const path = readinessProbe?.httpGet?.path;
  if (!process || path === undefined) return undefined;
  const answer = await fetch(`${process.origin}${path}`, { signal: AbortSignal.timeout(PROBE_EVERY_MS) }).catch(
    () => undefined,
  );
  if (answer?.ok) return undefined;
  return answer ? `HTTP probe failed with statuscode: ${answer.status}` : 'the container did not answer in 1 s';
}

async function changed(life: Life, waitMs: number | undefined): Promise<void> {
  const waiting = new AbortController();
  life.wake = () => waiting.abort();
  await sleep(waitMs ?? 2 ** 30, undefined, { signal: waiting.signal, ref: waitMs !== undefined }).catch(
    () => undefined,
  );
}
