import { type ReplayWorkerOptions, Worker } from '@temporalio/worker';
import { type History, recordedHistories, recordedHistory, workflowIdOf } from './history.ts';
import { testBundle } from './temporal.ts';

/**
 * Runs the workflow's code over a history, as a worker does that takes a deployment over.
 * @throws DeterminismViolationError when the code would have taken other steps.
 */
export function replay(history: History, codePath: string = testBundle()): Promise<void> {
  return Worker.runReplayHistory({ workflowBundle: { codePath } }, history, workflowIdOf(history));
}

/** Which recorded histories this code does not replay, and why; `sinks` are what the code needs of its worker. */
export async function notReplayed(
  codePath: string,
  sinks: ReplayWorkerOptions['sinks'] = {},
): Promise<Map<string, Error>> {
  const names = new Map<string, string>();
  const histories = recordedHistories().map((name) => {
    const history = recordedHistory(name);
    names.set(history.events?.[0]?.workflowExecutionStartedEventAttributes?.originalExecutionRunId ?? '', name);
    return { workflowId: workflowIdOf(history), history };
  });
  const errors = new Map<string, Error>();
  for await (const { runId, error } of Worker.runReplayHistories({ workflowBundle: { codePath }, sinks }, histories))
    if (error) errors.set(names.get(runId) ?? runId, error);
  return errors;
}
