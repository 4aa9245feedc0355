/** The name that clients start the workflow by: the exported function's. */
export const WORKFLOW_TYPE = 'blueGreenDeployment';

/** A rollback of its own, under the same id as a deployment. */
export const ROLLBACK_TYPE = 'blueGreenRollback';

/** The wait after which the blue of a completed deployment is retired, under an id of its own. */
export const KEEP_BLUE_TYPE = 'blueGreenKeepBlue';

/** A train of deployments. */
export const TRAIN_TYPE = 'blueGreenTrain';

/** A freeze that people made. */
export const FREEZE_TYPE = 'blueGreenFreeze';

/** The queue of a service. */
export const QUEUE_TYPE = 'blueGreenQueue';

/** The queue between clients and workers: BLUEGREEN_TASK_QUEUE where several installations share a namespace. */
export function taskQueue(env: NodeJS.ProcessEnv = process.env): string {
  return env['BLUEGREEN_TASK_QUEUE'] || 'bluegreen';
}
