/** The name that clients start the workflow by: the exported function's. */
export const WORKFLOW_TYPE = 'blueGreenDeployment';

/** The queue between clients and workers: BLUEGREEN_TASK_QUEUE where several installations share a namespace. */
export function taskQueue(env: NodeJS.ProcessEnv = process.env): string {
  return env['BLUEGREEN_TASK_QUEUE'] || 'bluegreen';
}
