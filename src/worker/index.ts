export { type CreateWorkerOptions, createWorker } from './create-worker.ts';
export { createLogger } from './logger.ts';
export { runWorker } from './run-worker.ts';
export { WORKER_OPTIONS } from './worker-options.ts';
export { bundleFile, bundleWorkflows } from './workflow-bundle.ts';
