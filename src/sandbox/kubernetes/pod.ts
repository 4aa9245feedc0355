import type { KubernetesObject } from './api.ts';

/** Pods as the stand-in for the kubelet sees them, and what it reports about them. */

export type Pod = KubernetesObject<PodSpec, PodStatus>;

interface PodStatus {
  readonly podIP?: string;
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
}

interface PodSpec {
  readonly nodeName?: string;
  readonly containers: readonly Container[];
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly readinessProbe?: { readonly failureThreshold?: number; readonly httpGet?: { readonly path?: string } };
  readonly lifecycle?: { readonly preStop?: { readonly sleep?: { readonly seconds: number } } };
}

/**
 * What is wrong with a pod: by the end of its image's tag (`recommendation:2.5.0-crash`), or by this annotation, which may be set
 * and removed while the pod runs.
 */
const FAULT_ANNOTATION = 'sandbox/fault';
const FAULTS = ['pull-error', 'invalid-image', 'crash', 'oom', 'never-ready', 'unschedulable'] as const;
export type PodFault = (typeof FAULTS)[number];

export function faultOf({ metadata, spec }: Pod): PodFault | undefined {
  const marked = metadata.annotations?.[FAULT_ANNOTATION];
  return FAULTS.find((fault) => fault === marked || spec?.containers.some(({ image }) => image.endsWith(`-${fault}`)));
}

/** The tag of an image without what it says about a fault. */
export function soundTag(image: string): string {
  const tag = image.slice(image.lastIndexOf(':') + 1);
  const fault = FAULTS.find((one) => tag.endsWith(`-${one}`));
  return fault === undefined ? tag : tag.slice(0, -fault.length - 1);
}

/** A container's state in one word; `back-off` waits to be started again. */
export type Phase = 'creating' | 'running' | 'ready' | 'pull-error' | 'pull-back-off' | 'invalid-image' | 'back-off';

export interface PodState {
  readonly phase: Phase;
  readonly ip: string;
  readonly restarts: number;
  /** The end of the run before. */
  readonly lastExit?: { readonly exitCode: number; readonly reason: string; readonly at: string };
  readonly startedAt: string;
}

/** As the kubelet writes it into the pod's status. */
export function statusOf({ spec }: Pod, state: PodState): object {
  const { phase, ip, restarts, lastExit, startedAt } = state;
  const isReady = phase === 'ready';
  const containers = (spec?.containers ?? []).map(({ name, image }) => ({
    name,
    image,
    imageID: phase === 'ready' || phase === 'running' ? `${image}@sandbox` : '',
    ready: isReady,
    started: isReady || phase === 'running',
    restartCount: restarts,
    state: containerState(state, image),
    lastState: lastExit
      ? {
          terminated: {
            exitCode: lastExit.exitCode,
            reason: lastExit.reason,
            startedAt,
            finishedAt: lastExit.at,
          },
        }
      : {},
  }));
  const hasStarted = restarts > 0 || isReady || phase === 'running';
  return {
    phase: hasStarted ? 'Running' : 'Pending',
    hostIP: '192.0.2.1',
    podIP: ip,
    podIPs: [{ ip }],
    startTime: startedAt,
    conditions: [
      condition('PodScheduled', true, startedAt),
      condition('Initialized', true, startedAt),
      condition('ContainersReady', isReady, now(), isReady ? undefined : 'ContainersNotReady'),
      condition('Ready', isReady, now(), isReady ? undefined : 'ContainersNotReady'),
    ],
    containerStatuses: containers,
  };
}

export function unschedulable(): object {
  return {
    phase: 'Pending',
    conditions: [{ ...condition('PodScheduled', false, now(), 'Unschedulable'), message: NO_ROOM }],
  };
}

export const NO_ROOM = '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate';

export const pullError = (image: string): string =>
  `failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${image}: not found`;

function containerState({ phase, startedAt, lastExit }: PodState, image: string): object {
  switch (phase) {
    case 'creating':
      return waiting('ContainerCreating');
    case 'running':
    case 'ready':
      return { running: { startedAt: lastExit?.at ?? startedAt } };
    case 'pull-error':
      return waiting('ErrImagePull', pullError(image));
    case 'pull-back-off':
      return waiting('ImagePullBackOff', `Back-off pulling image "${image}": ErrImagePull: ${pullError(image)}`);
    case 'invalid-image':
      return waiting(
        'InvalidImageName',
        `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format`,
      );
    case 'back-off':
      return waiting('CrashLoopBackOff', 'back-off restarting failed container');
  }
}

const waiting = (reason: string, message?: string): object => ({ waiting: { reason, ...(message && { message }) } });

const condition = (type: string, holds: boolean, since: string, reason?: string) => ({
  type,
  status: holds ? 'True' : 'False',
  lastTransitionTime: since,
  ...(reason && { reason }),
});

/** Whole seconds, as the API wants them. */
export const now = (): string => new Date().toISOString().replace(/\.\d+Z$/, 'Z');
