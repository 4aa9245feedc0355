import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { QueueActivities } from '../domain/index.ts';
import type { Dependencies } from './dependencies.ts';

/** How soon the end of what runs is noticed. */
const ASK_AGAIN_MS = 10_000;

/** Between two attempts no worker has anything to do with it, and the attempts are not in the history. */
export function awaitFree({
  isRunning,
  askAgainMs = ASK_AGAIN_MS,
}: Pick<Dependencies, 'isRunning'> & { readonly askAgainMs?: number }): QueueActivities['awaitFree'] {
  return async ({ workflowId }) => {
    if (!(await isRunning?.(workflowId))) return;
    throw ApplicationFailure.create({
      message: `${workflowId} is still running`,
      type: 'StillRunning',
      category: ApplicationFailureCategory.BENIGN,
      nextRetryDelay: askAgainMs,
    });
  };
}
