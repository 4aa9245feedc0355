import { DEFAULT_ENVIRONMENT, type DeploymentRequest } from './plan.ts';

/** A deployment that is to be started once its time has come and no other one of its service runs. */
export interface QueuedStart {
  readonly id: string;
  readonly request: DeploymentRequest;
  /** Not before; epoch milliseconds. Missing: as soon as possible. */
  readonly at?: number;
  readonly queuedAt: number;
}

/** The workflow id of a service's queue; names as in the id of a deployment. */
export function queueWorkflowId({ service, environment = DEFAULT_ENVIRONMENT }: QueueAddress): string {
  return ['blue-green-queue', environment, service].map((name) => name.replaceAll('/', '~')).join('/');
}

interface QueueAddress {
  readonly service: string;
  readonly environment?: string;
}

/**
 * Reads what was sent to a queue, by hand since zod must not reach the workflow bundle; the deployment checks the request itself.
 * Never throws: nonsense becomes a problem in words.
 */
export function parseQueuedStart(
  sent: unknown,
  { workflowId, now }: { readonly workflowId: string; readonly now: number },
): QueuedStart | { readonly problem: string } {
  const { id, request, at } = keysOf(sent);
  const { service, environment, version } = keysOf(request);
  if (typeof id !== 'string' || id === '') return { problem: 'id is missing, expected a text of your own' };
  if (typeof service !== 'string' || typeof version !== 'string')
    return { problem: 'request is missing, expected {"service":"...","version":"..."}' };
  const expected = queueWorkflowId({ service, ...(typeof environment === 'string' ? { environment } : {}) });
  if (expected !== workflowId)
    return { problem: `the request belongs into the queue ${expected}, not into ${workflowId}` };
  if (at !== undefined && !(typeof at === 'number' && Number.isFinite(at)))
    return { problem: 'at is no number, expected epoch milliseconds' };
  return { id, request: request as DeploymentRequest, ...(at === undefined ? {} : { at }), queuedAt: now };
}

/** In the order in which they are to start; `replace`: instead of all that are queued. The same id counts once. */
export function enqueued(
  queue: readonly QueuedStart[],
  start: QueuedStart,
  others: 'keep' | 'replace',
): readonly QueuedStart[] {
  if (queue.some(({ id }) => id === start.id)) return queue;
  const earliest = ({ at, queuedAt }: QueuedStart): number => at ?? queuedAt;
  return [...(others === 'replace' ? [] : queue), start].toSorted((one, other) => earliest(one) - earliest(other));
}

/** The one to start next, if its time has come. */
export function dueStart(queue: readonly QueuedStart[], now: number): QueuedStart | undefined {
  const [first] = queue;
  return first && (first.at ?? 0) <= now ? first : undefined;
}

function keysOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
