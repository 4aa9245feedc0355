import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { DEFAULT_ENVIRONMENT, type DeploymentRequest, type QueuedStart, queueWorkflowId } from '../domain/index.ts';
import { dateMinute } from '../format/index.ts';
import { QUEUE_TYPE, runningWorkflow, taskQueue } from '../temporal/index.ts';
import type { blueGreenQueue } from '../workflows/index.ts';
import * as messages from '../workflows/messages.ts';
import type { Address } from './address.ts';
import { inTime } from './temporal.ts';
import { sanitize } from './view/output.ts';

/** The key of the memo in which a queue says what waits. */
const MEMO = 'queue';

/** How a deployment is to be queued. */
export interface Queueing {
  /** Not before; epoch milliseconds. */
  readonly at?: number;
  /** Instead of all that are queued. */
  readonly replaceQueued: boolean;
}

/** Queues it, with or without a worker. @returns its id in the queue. */
export async function enqueue(
  client: Client,
  request: DeploymentRequest,
  { at, replaceQueued }: Queueing,
): Promise<string> {
  const id = randomUUID().slice(0, 8);
  await inTime(client, () =>
    client.workflow.signalWithStart<typeof blueGreenQueue, [messages.Enqueue]>(QUEUE_TYPE, {
      workflowId: queueWorkflowId(request),
      taskQueue: taskQueue(),
      signal: messages.enqueue,
      signalArgs: [{ id, request, ...(at === undefined ? {} : { at }), ...(replaceQueued ? { replaceQueued } : {}) }],
    }),
  );
  return id;
}

/** What waits for this service, in order, as far as a worker has taken it into the queue. */
export async function queueOf(client: Client, address: Address): Promise<readonly QueuedStart[]> {
  const { connection, options } = client;
  const queue = await runningWorkflow({ connection, namespace: options.namespace }, queueWorkflowId(address));
  return sanitize((queue?.memo(MEMO) ?? []) as readonly QueuedStart[]);
}

/** What waits for any service, or for those wanted, as Temporal lists it: the newest may be missing for a moment. */
export async function allQueued(client: Client, wanted: Partial<Address>): Promise<readonly QueuedStart[]> {
  const query = `WorkflowType = '${QUEUE_TYPE}' AND ExecutionStatus = 'Running'`;
  const found: QueuedStart[] = [];
  await inTime(client, async () => {
    for await (const { memo } of client.workflow.list({ query }))
      found.push(...((memo?.[MEMO] as QueuedStart[]) ?? []));
  });
  return sanitize(
    found.filter(({ request: { service, environment = DEFAULT_ENVIRONMENT } }) => {
      return service === (wanted.service ?? service) && environment === (wanted.environment ?? environment);
    }),
  );
}

/** `shop 2.6.0 to production by ana, at 2026-12-24 21:00 UTC (id 1f2e3d4c)`. */
export function queuedWords({ id, request, at }: QueuedStart): string {
  const { service, version, environment = DEFAULT_ENVIRONMENT, requestedBy, reason } = request;
  return [
    `${service} ${version} to ${environment}`,
    requestedBy === undefined ? '' : ` by ${requestedBy}`,
    at === undefined ? ', when nothing else runs' : `, not before ${dateMinute(at)}`,
    ` (id ${id})`,
    reason === undefined ? '' : `: ${reason}`,
  ].join('');
}
