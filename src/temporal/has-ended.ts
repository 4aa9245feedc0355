import type { WorkflowExecutionStatusName } from '@temporalio/client';

/** Whether a workflow in this state goes on no more. One that somebody has paused goes on when it is unpaused. */
export function hasEnded(state: WorkflowExecutionStatusName): boolean {
  return state !== 'RUNNING' && state !== 'PAUSED';
}
