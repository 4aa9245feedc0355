import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type NativeConnection, Worker, type WorkerOptions, type WorkflowBundleOption } from '@temporalio/worker';
import { createActivities, onlyForDeployments, withDeploymentInLog } from '../activities/index.ts';
import type { Registry } from '../plugin/index.ts';
import { createReportStore } from '../report/index.ts';
import type { RunbookStore } from '../runbook/index.ts';
import type { StateStore } from '../state/index.ts';
import {
  endRun,
  pastRuns,
  readPrincipals,
  registeredSearchAttributes,
  runningWorkflow,
  stoppedLine,
  taskQueue,
  terminatingParent,
} from '../temporal/index.ts';
import type { RunningActivities } from './running-activities.ts';
import { workerVersioning } from './versioning.ts';
import { WORKER_OPTIONS } from './worker-options.ts';
import { bundleFile, bundleWorkflows } from './workflow-bundle.ts';

export interface CreateWorkerOptions {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly runbooks: RunbookStore;
  /** The kinds that runbooks may name: the one whose `format` the store of runbooks has. */
  readonly registry: Registry;
  /** What outlives the worker: series and reports; the store of runbooks has the same one. */
  readonly state: StateStore;
  /** Secrets are read from here by name, and so are the task queue and the build id. */
  readonly env: NodeJS.ProcessEnv;
  /** Sends traces of the deployments. */
  readonly plugins?: WorkerOptions['plugins'];
  /** Gets to know what runs. */
  readonly running?: RunningActivities;
}

/** A worker that runs deployments. It takes work once `run()` is called, which resolves when the worker was shut down, and rejects when an activity did not end. */
export async function createWorker(options: CreateWorkerOptions): Promise<Worker> {
  const { connection, namespace, runbooks, registry, state, env, plugins, running } = options;
  return Worker.create({
    workflowBundle: await workflowBundle({ traced: plugins !== undefined }),
    plugins: plugins ?? [],
    ...workerVersioning(env),
    connection,
    namespace,
    taskQueue: taskQueue(env),
    activities: createActivities({
      runbooks,
      registry,
      reports: createReportStore(state),
      env,
      searchAttributes: () => registeredSearchAttributes(connection, namespace),
      principals: (own, signalName) => readPrincipals({ connection, namespace }, own, signalName),
      isRunning: async (workflowId) => (await runningWorkflow({ connection, namespace }, workflowId)) !== undefined,
      stoppedLine: (whole) => stoppedLine({ connection, namespace }, whole),
      terminatingParent: (own) => terminatingParent({ connection, namespace }, own),
      pastRuns: (of) => pastRuns({ connection, namespace }, of),
      endRun: (one) => endRun({ connection, namespace }, one),
    }),
    interceptors: { activity: [withDeploymentInLog, onlyForDeployments, ...(running ? [running.interceptor] : [])] },
    ...WORKER_OPTIONS,
  });
}

/** The bundle that `npm run build` wrote, or the sources in development. */
async function workflowBundle(variant: { readonly traced: boolean }): Promise<WorkflowBundleOption> {
  const codePath = fileURLToPath(new URL(`../${bundleFile(variant)}`, import.meta.url));
  return existsSync(codePath) ? { codePath } : bundleWorkflows(variant);
}
