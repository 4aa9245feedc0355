export { approvalProblem, type MembersOf, usesGroups } from './approvers.ts';
export { digestOf } from './digest.ts';
export { freezeRules } from './freeze-schema.ts';
export { readGroups } from './groups.ts';
export { describedSchema, runbookJsonSchema, type SchemaNode } from './json-schema.ts';
export {
  type CheckBase,
  type CheckConfig,
  type CheckSchema,
  commandRemedySchema,
  type MetricsBase,
  type MetricsConfig,
  type MetricsSchema,
  type NotificationConfig,
  type NotificationSchema,
  type RouterBase,
  type RouterConfig,
  type RouterSchema,
  type RunbookParts,
  type RunbookProblem,
  remedyBase,
  TARGET_PLACEHOLDERS,
  type WorkloadBase,
  type WorkloadConfig,
  type WorkloadSchema,
} from './kinds.ts';
export { loadRunbook, loadRunbookOrBase, parseRunbook, readWholeRunbook } from './load.ts';
export { validate } from './problems.ts';
export {
  prometheusServer,
  type ReachableServer,
  serverAccess,
  serversOfMetrics,
  withAccessOf,
} from './prometheus-server.ts';
export {
  command,
  commandEnv,
  duration,
  envName,
  httpUrl,
  latencyLimit,
  name,
  pollInterval,
  serviceName,
  share,
  template,
  version,
} from './scalars.ts';
export { composeRunbookFormat, type Runbook, type RunbookCheck, type RunbookFormat } from './schema.ts';
export { createRunbookStore, type RunbookStore } from './store.ts';
export {
  type CountedMetric,
  parseRequest,
  parseRollbackRequest,
  type QueryMetric,
  toAnalysis,
  toLimits,
  toPlan,
} from './to-plan.ts';
export { loadTrain, parseTrain } from './train-schema.ts';
export { RunbookError } from './yaml-file.ts';
