/**
 * What a program imports that runs deployments by itself: a worker, the client's side, and the types. Workflow code that is
 * bundled elsewhere is `bluegreen/workflows`.
 */
export { loadRegistry, registryWith } from './built-in.ts';
export type {
  Decision,
  DeploymentPlan,
  DeploymentReport,
  DeploymentRequest,
  DeploymentStatus,
} from './domain/index.ts';
export { deploymentWorkflowId } from './domain/index.ts';
export type { Plugin, Registry } from './plugin/index.ts';
export { createRunbookStore, type RunbookStore } from './runbook/index.ts';
export { openState, type StateStore } from './state/index.ts';
export {
  connectClient,
  connectionConfig,
  connectWorker,
  ensureSearchAttributes,
  startDeployment,
  taskQueue,
} from './temporal/index.ts';
export { type CreateWorkerOptions, createLogger, createWorker } from './worker/index.ts';
export * as messages from './workflows/messages.ts';
