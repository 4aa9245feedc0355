import type { Client } from '@temporalio/client';

/** A worker that waits for work asks again at least once a minute. The rest is for clocks that differ. */
const ASKED_WITHIN_MS = 120_000;

/**
 * Whether a worker takes work from this task queue. Temporal goes by who asked it for work lately: it takes two minutes to notice
 * that the last worker is gone.
 */
export async function isAttended({ workflowService, options }: Client, taskQueue: string): Promise<boolean> {
  const { pollers } = await workflowService.describeTaskQueue({
    namespace: options.namespace,
    taskQueue: { name: taskQueue },
  });
  const askedAt = pollers.map(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1_000);
  return Date.now() - Math.max(0, ...askedAt) < ASKED_WITHIN_MS;
}
