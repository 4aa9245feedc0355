import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  DefaultLogger,
  makeTelemetryFilterString,
  Runtime,
  Worker,
  type WorkflowBundleOption,
} from '@temporalio/worker';
import { onlyForDeployments } from './activities/admission.ts';
import { createActivities } from './activities/create-activities.ts';
import { createReportStore } from './report/store.ts';
import { createRunbookStore } from './runbook/store.ts';
import { stateDirectory } from './state.ts';
import { connectionConfig, connectWorker } from './temporal/connection.ts';
import { taskQueue } from './temporal/names.ts';
import { ensureSearchAttributes } from './temporal/search-attributes.ts';
import { versioningNotice, workerVersioning } from './temporal/versioning.ts';
import { WORKER_OPTIONS } from './temporal/worker-options.ts';
import { bundleWorkflows } from './temporal/workflow-bundle.ts';

/**
 * The worker: wires ports to adapters and runs until it is told to stop. Its environment: TEMPORAL_* (address, profile,
 * TLS, API key: see the SDK's environment configuration), BLUEGREEN_RUNBOOKS (folder, default ./runbooks),
 * BLUEGREEN_STATE (folder that outlives the worker), BLUEGREEN_TASK_QUEUE, BLUEGREEN_BUILD_ID (turns Worker Versioning
 * on: docs/production.md), BLUEGREEN_METRICS (address such as 127.0.0.1:9464 for the SDK's Prometheus page; off by
 * default), and whatever the runbooks name.
 */
async function main(): Promise<void> {
  const metricsAddress = process.env['BLUEGREEN_METRICS'];
  Runtime.install({
    logger: new DefaultLogger('INFO'),
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} },
      ...(metricsAddress ? { metrics: { prometheus: { bindAddress: metricsAddress } } } : {}),
    },
  });
  const config = connectionConfig();
  const { namespace } = config;
  const connection = await connectWorker(config);
  try {
    await ensureSearchAttributes(connection, namespace);
    const worker = await Worker.create({
      workflowBundle: await workflowBundle(),
      ...workerVersioning(),
      connection,
      namespace,
      taskQueue: taskQueue(),
      activities: createActivities({
        runbooks: createRunbookStore({
          directory: resolve(process.env['BLUEGREEN_RUNBOOKS'] ?? 'runbooks'),
          stateDirectory: stateDirectory(),
        }),
        reports: createReportStore(stateDirectory()),
        env: process.env,
      }),
      interceptors: { activity: [onlyForDeployments] },
      ...WORKER_OPTIONS,
    });
    process.stderr.write(versioningNotice() ?? '');
    await worker.run();
  } finally {
    await connection.close();
  }
}

/** The bundle that `npm run build` wrote, or the sources in development. */
async function workflowBundle(): Promise<WorkflowBundleOption> {
  const codePath = fileURLToPath(new URL('./workflow-bundle.js', import.meta.url));
  return existsSync(codePath) ? { codePath } : bundleWorkflows();
}

main().catch((error: unknown) => {
  process.stderr.write(`The worker cannot run: ${error instanceof Error ? error.message : String(error)}\n`);
  // A connection that was given up on would keep the process for another while.
  process.exit(1);
});
