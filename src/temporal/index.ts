export { attendanceOf, buildNeeded, isAttended } from './attended.ts';
export { call, type Namespace } from './call.ts';
export { type ConnectionConfig, connectClient, connectionConfig, connectWorker, noNamespace } from './connection.ts';
export { endRun } from './end-run.ts';
export { hasEnded } from './has-ended.ts';
export {
  FREEZE_TYPE,
  KEEP_BLUE_TYPE,
  QUEUE_TYPE,
  ROLLBACK_TYPE,
  TRAIN_TYPE,
  taskQueue,
  WORKFLOW_TYPE,
} from './names.ts';
export { terminatingParent } from './parent.ts';
export { type PastRun, pastRuns } from './past-runs.ts';
export { readPrincipals } from './principals.ts';
export { runningWorkflow } from './running.ts';
export { ensureSearchAttributes, registeredSearchAttributes } from './search-attributes.ts';
export { startDeployment } from './start-deployment.ts';
export { startRollback } from './start-rollback.ts';
export { FREEZE_MEMO, stoppedLine } from './stopped-line.ts';
export { workflowPage, workflowsPage } from './ui.ts';
