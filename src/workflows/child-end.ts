import {
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  TerminatedFailure,
  TimeoutFailure,
} from '@temporalio/workflow';
import { FAILURE, type TrainDeploymentState } from '../domain/index.ts';
import { errorMessage } from './failures.ts';

/** Whether a child was not started, since a workflow with its id runs. The class is not in the workflow package. */
export function isAlreadyStarted(error: unknown): boolean {
  return error instanceof Error && error.name === 'WorkflowExecutionAlreadyStartedError';
}

/** How a deployment that did not complete has ended, by the failure that its parent gets. */
export function childEnd(error: unknown): { readonly state: TrainDeploymentState; readonly outcome: string } {
  const cause = error instanceof ChildWorkflowFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure)
    return { state: cause.type === FAILURE.DeploymentRolledBack ? 'rolled-back' : 'refused', outcome: cause.message };
  if (cause instanceof CancelledFailure)
    return { state: 'cancelled', outcome: 'Its workflow was cancelled; what it had changed was rolled back.' };
  if (cause instanceof TerminatedFailure || cause instanceof TimeoutFailure)
    return { state: 'terminated', outcome: 'Its workflow was terminated: the traffic is where it was then.' };
  return { state: 'refused', outcome: errorMessage(error) };
}
