export { telemetryOptions } from './telemetry.ts';
export { startTracing } from './tracing.ts';
export { versioningNotice, workerVersioning } from './versioning.ts';
export { WORKER_OPTIONS } from './worker-options.ts';
export { bundleFile, bundleWorkflows } from './workflow-bundle.ts';
