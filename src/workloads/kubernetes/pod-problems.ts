import {
  type Condition,
  type ContainerState,
  type ContainerStatus,
  type KubeObject,
  type Pod,
} from '../../kubernetes/index.ts';
import { redact } from '../../util/index.ts';

/** An event of the core API, as far as it is used here. */
export interface KubeEvent extends KubeObject {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly involvedObject?: { readonly kind?: string; readonly name?: string; readonly uid?: string };
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
}

/** What keeps pods from being ready. */
export interface PodProblem {
  readonly words: string;
  /** It does not heal by itself: nobody has to wait for it. */
  readonly isFinal: boolean;
}

/** A pod that crashed so often had more than a minute to get what it needs. */
const FINAL_RESTARTS = 4;
/** The registry has answered, and will answer the same. */
const NO_IMAGE =
  /not found|manifest unknown|does not exist|unauthorized|authorization failed|access denied|denied:|forbidden/i;
const NEVER_PULLED = ['InvalidImageName', 'ErrImageNeverPull'];
/** A policy refuses these pods; a quota or a webhook that is away may give way. */
const REFUSED = /denied the request|denied request|violates PodSecurity|is invalid:/i;
const SHOWN = 300;

/** @param warning the newest warning about this pod, where one was read */
export function problemOf(pod: Pod, warning: KubeEvent | undefined): PodProblem | undefined {
  const {
    phase,
    reason,
    message,
    conditions = [],
    containerStatuses = [],
    initContainerStatuses = [],
  } = pod.status ?? {};
  if (phase === 'Failed') return waiting(`${reason ?? 'Failed'}: ${message ?? 'no message'}`);
  const scheduled = conditionOf(conditions, 'PodScheduled');
  if (scheduled?.status === 'False')
    return waiting(`${scheduled.reason ?? 'Unschedulable'}: ${scheduled.message ?? ''}`);
  const containers = [...initContainerStatuses, ...containerStatuses];
  const stuck = containers.map((container) => stuckProblem(container, warning)).find((found) => found !== undefined);
  if (stuck) return stuck;
  if (conditionOf(conditions, 'Ready')?.status === 'True') return undefined;
  const unready = containerStatuses.find(({ ready }) => !ready);
  const since = unready?.lastState?.terminated ? `, after ${exitWords(unready.lastState)}` : '';
  const why = warning ? `: ${warning.reason}: ${warning.message}` : '';
  return waiting(`${unready?.state?.running ? 'runs but is not ready' : 'is starting'}${since}${why}`);
}

function stuckProblem(container: ContainerStatus, warning: KubeEvent | undefined): PodProblem | undefined {
  const { name, restartCount, state, lastState } = container;
  const { waiting: waits, terminated } = state ?? {};
  const { reason = '', message = '' } = waits ?? {};
  const restarts = `${restartCount} ${restartCount === 1 ? 'restart' : 'restarts'}`;
  if (reason === 'CrashLoopBackOff')
    return {
      words: shown(`CrashLoopBackOff: container ${name}: ${exitWords(lastState)}, ${restarts}`),
      isFinal: restartCount >= FINAL_RESTARTS,
    };
  if (terminated && terminated.exitCode !== 0) return waiting(`container ${name}: ${exitWords(state)}, ${restarts}`);
  if (waits === undefined || ['', 'ContainerCreating', 'PodInitializing'].includes(reason)) return undefined;
  // Older kubelets say why only in an event.
  const said = /^Back-off pulling image "[^"]*"$/.test(message) ? (warning?.message ?? message) : message;
  return {
    words: shown(`${reason}: container ${name}: ${said}`),
    isFinal: NEVER_PULLED.includes(reason) || (reason === 'ImagePullBackOff' && NO_IMAGE.test(said)),
  };
}

/** Why the pods of a Deployment or StatefulSet are not even created: quota, admission. */
export function creationProblem(message: string): PodProblem {
  return { words: shown(`no pod can be created: ${message}`), isFinal: REFUSED.test(message) };
}

/** `OOMKilled, exit code 137`; of the newest end of a container. */
function exitWords(state: ContainerState | undefined): string {
  const { reason, exitCode, message } = state?.terminated ?? {};
  if (exitCode === undefined) return 'unknown exit code';
  const why = reason === undefined || reason === 'Error' ? '' : `${reason}, `;
  return `${why}exit code ${exitCode}${message ? ` (${message.trim()})` : ''}`;
}

export function conditionOf(conditions: readonly Condition[], type: string): Condition | undefined {
  return conditions.find((condition) => condition.type === type);
}

/** The same problem of several pods is said once: `rec-green-1, rec-green-2 and 4 more: ErrImagePull: ...` */
export function grouped(found: readonly { readonly pod: string; readonly problem: PodProblem }[]): string[] {
  const pods = new Map<string, string[]>();
  for (const { pod, problem } of found) pods.set(problem.words, [...(pods.get(problem.words) ?? []), pod]);
  return [...pods].map(([words, names]) => {
    const more = names.length - 2;
    return `${names.slice(0, 2).join(', ')}${more > 0 ? ` and ${more} more` : ''}: ${words}`;
  });
}

/** A pod that was evicted, or that its node refused, stays after another one has taken its place. */
export function isAlive({ status }: Pod): boolean {
  return status?.phase !== 'Failed' && status?.phase !== 'Succeeded';
}

function waiting(words: string): PodProblem {
  return { words: shown(words), isFinal: false };
}

function shown(text: string): string {
  return redact(text).slice(0, SHOWN);
}
