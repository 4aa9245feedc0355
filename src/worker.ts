import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, Runtime, Worker, type WorkflowBundleOption } from '@temporalio/worker';
import { createActivities, onlyForDeployments } from './activities/index.ts';
import { warnOfUnusableChannels } from './notifications/index.ts';
import { createReportStore } from './report/index.ts';
import { createRunbookStore } from './runbook/index.ts';
import { connectionConfig, connectWorker, ensureSearchAttributes, taskQueue } from './temporal/index.ts';
import { stateDirectory } from './util/index.ts';
import {
  bundleFile,
  bundleWorkflows,
  startTracing,
  telemetryOptions,
  versioningNotice,
  WORKER_OPTIONS,
  workerVersioning,
} from './worker/index.ts';

/** With these the worker takes no more work, hands over what it does and ends with exit code 0. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * The worker: wires ports to adapters and runs until it is told to stop. Its environment: TEMPORAL_* (address, profile,
 * TLS, API key: see the SDK's environment configuration), BLUEGREEN_RUNBOOKS (folder, default ./runbooks),
 * BLUEGREEN_STATE (folder that outlives the worker), BLUEGREEN_TASK_QUEUE, BLUEGREEN_BUILD_ID (turns Worker Versioning
 * on: docs/production.md), BLUEGREEN_METRICS (address such as 127.0.0.1:9464 of a page for Prometheus) and
 * OTEL_EXPORTER_OTLP_ENDPOINT with its relatives (traces), both off by default: docs/monitoring.md; and whatever the
 * runbooks name.
 */
async function main(): Promise<void> {
  const logger = new DefaultLogger('INFO');
  Runtime.install({
    logger,
    telemetryOptions: telemetryOptions(),
    shutdownSignals: [...STOP_SIGNALS],
  });
  // The SDK heeds the first signal only, and the next one would end the process in the middle of its work: systemd, Ctrl-C
  // and npm together send every signal twice.
  for (const signal of STOP_SIGNALS) process.on(signal, () => {});
  const runbooks = createRunbookStore({
    directory: resolve(process.env['BLUEGREEN_RUNBOOKS'] ?? 'runbooks'),
    stateDirectory: stateDirectory(),
  });
  await warnOfUnusableChannels(runbooks, process.env, logger);
  const tracing = await startTracing();
  const config = connectionConfig();
  const { namespace } = config;
  const connection = await connectWorker(config);
  try {
    await ensureSearchAttributes(connection, namespace);
    const worker = await Worker.create({
      workflowBundle: await workflowBundle({ traced: tracing !== undefined }),
      plugins: tracing?.plugins ?? [],
      ...workerVersioning(),
      connection,
      namespace,
      taskQueue: taskQueue(),
      activities: createActivities({
        runbooks,
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
    await tracing?.stop();
  }
}

/** The bundle that `npm run build` wrote, or the sources in development. */
async function workflowBundle(variant: { readonly traced: boolean }): Promise<WorkflowBundleOption> {
  const codePath = fileURLToPath(new URL(bundleFile(variant), import.meta.url));
  return existsSync(codePath) ? { codePath } : bundleWorkflows(variant);
}

// Not before all is over; then a connection that was given up on, to Temporal or a collector, would keep the process.
main().then(
  () => process.exit(),
  (error: unknown) => {
    process.stderr.write(`The worker cannot run: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
