import {
  ActivityCancellationType,
  ApplicationFailure,
  CancellationScope,
  condition,
  log,
  makeContinueAsNewFunc,
  proxyActivities,
  setHandler,
  startChild,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import {
  deploymentWorkflowId,
  dueStart,
  enqueued,
  parseQueuedStart,
  type QueueActivities,
  type QueuedStart,
} from '../domain/index.ts';
import { blueGreenDeployment } from './blue-green.ts';
import { isAlreadyStarted } from './child-end.ts';
import { withoutStack } from './failures.ts';
import * as messages from './messages.ts';

/** For the first message, which starts the queue; without one there is nothing to do. */
const FIRST_MESSAGE_MS = 60_000;

const { awaitFree } = proxyActivities<QueueActivities>({
  summary: 'wait for the deployment that runs',
  startToCloseTimeout: 30_000,
  retry: { initialInterval: 1_000, backoffCoefficient: 1 },
  cancellationType: ActivityCancellationType.TRY_CANCEL,
});

/**
 * The queue of a service in an environment: starts what is due, one after the other, under the id that is the lock, as soon as
 * nothing else runs there. It ends when it is empty; the deployments that it has started go on without it. Its memo holds
 * what waits, so that it can be read without a worker.
 */
export async function blueGreenQueue(carried: readonly QueuedStart[] = []): Promise<void> {
  let queue = carried;
  /** Whether what was queued before was replaced while one was being started. */
  let isReplaced = false;
  const change = (after: readonly QueuedStart[]): void => {
    queue = after;
    upsertMemo({ queue });
  };
  handleMessages(() => queue, {
    change,
    replaced: () => {
      isReplaced = true;
    },
  });
  await condition(() => queue.length > 0, FIRST_MESSAGE_MS);

  const isLong = (): boolean => workflowInfo().continueAsNewSuggested;
  while (queue.length > 0) {
    if (isLong()) await makeContinueAsNewFunc<typeof blueGreenQueue>({ memo: { queue } })(queue);
    const next = dueStart(queue, Date.now());
    if (!next) {
      const [first] = queue;
      const left = Math.max(1, (first?.at ?? 0) - Date.now());
      await condition(() => queue[0] !== first || isLong(), left, { summary: `${first?.request.version} is due` });
    } else if (await isFree(next, () => queue[0] === next && !isLong())) {
      isReplaced = false;
      change(queue.filter((one) => one !== next));
      if (!(await isStarted(next)) && !isReplaced) change([next, ...queue]);
    }
  }
}

function handleMessages(
  queue: () => readonly QueuedStart[],
  { change, replaced }: { readonly change: (after: readonly QueuedStart[]) => void; readonly replaced: () => void },
): void {
  const { workflowId } = workflowInfo();
  setHandler(
    messages.enqueue,
    (sent: unknown) => {
      const start = parseQueuedStart(sent, { workflowId, now: Date.now() });
      if ('problem' in start) return log.warn('ignored a message', { workflowId, problem: start.problem });
      const isReplacing = (sent as { readonly replaceQueued?: unknown }).replaceQueued === true;
      if (isReplacing) replaced();
      change(enqueued(queue(), start, isReplacing ? 'replace' : 'keep'));
    },
    { description: messages.QUEUE_DESCRIPTION.enqueue },
  );
  setHandler(
    messages.removeQueued,
    ({ id }) => {
      const removed = queue().find((one) => one.id === id);
      change(queue().filter((one) => one !== removed));
      return removed;
    },
    {
      description: messages.QUEUE_DESCRIPTION.removeQueued,
      validator: (sent) => {
        const ids = queue().map(({ id }) => id);
        if (!ids.includes(String(sent?.id)))
          throw withoutStack(
            ApplicationFailure.nonRetryable(
              `there is no "${String(sent?.id).slice(0, 100)}" in the queue, or it was started; the queue has ${ids.join(', ') || 'nothing'}`,
              'NotQueued',
            ),
          );
      },
    },
  );
}

/** Waits until nothing runs under the lock. False: meanwhile it is not to be started any more. */
async function isFree({ request: { service, environment } }: QueuedStart, isNext: () => boolean): Promise<boolean> {
  let free = false;
  const asking = async (): Promise<void> => {
    await awaitFree({ workflowId: deploymentWorkflowId(service, environment) });
    free = true;
  };
  await CancellationScope.cancellable(async () => {
    const scope = CancellationScope.current();
    void asking().catch(() => undefined);
    await condition(() => free || !isNext());
    scope.cancel();
  });
  return free && isNext();
}

/** False: somebody else has started a deployment first. */
async function isStarted({ request }: QueuedStart): Promise<boolean> {
  const { service, environment, version } = request;
  const workflowId = deploymentWorkflowId(service, environment);
  try {
    await startChild(blueGreenDeployment, {
      workflowId,
      args: [request],
      parentClosePolicy: 'ABANDON',
      staticSummary: `${service} to ${version}`.slice(0, 100),
    });
    return true;
  } catch (error) {
    if (isAlreadyStarted(error)) return false;
    throw error;
  }
}
