export { loadRunbook, parseRunbook, RunbookError } from './load.ts';
export { validate } from './problems.ts';
export { name, version } from './scalars.ts';
export {
  type CheckConfig,
  type CheckOfKind,
  type MetricsConfig,
  type PlatformConfig,
  type Runbook,
  runbookSchema,
} from './schema.ts';
export { createRunbookStore, type RunbookStore } from './store.ts';
export { parseRequest, toLimits, toPlan } from './to-plan.ts';
export { createPathPicker } from './weighted-paths.ts';
