import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll } from '@jest/globals';
import {
  Client,
  Connection,
  defaultGrpcRetryOptions,
  makeGrpcRetryInterceptor,
  WorkflowFailedError,
  type WorkflowHandle,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import type { Activities } from '../../src/domain/activities.ts';
import { type DeploymentRequest, deploymentWorkflowId } from '../../src/domain/plan.ts';
import type { DeploymentReport } from '../../src/domain/report.ts';
import { type DeploymentStatus, isClosed, type Phase } from '../../src/domain/status.ts';
import type { blueGreenDeployment } from '../../src/workflows/blue-green.ts';
import * as messages from '../../src/workflows/messages.ts';
import { historyFile, withoutPaths } from './history.ts';
import { PATIENCE_MS } from './patience.ts';

export type DeploymentHandle = WorkflowHandle<typeof blueGreenDeployment>;

/** A deployment on a real server with a worker of its own whose activities follow a script. */
export interface TestDeployment {
  readonly handle: DeploymentHandle;
  status(): Promise<DeploymentStatus>;
  /** Waits until the status is as wanted; fails with the last status if it takes too long. */
  until(wanted: (status: DeploymentStatus) => boolean): Promise<DeploymentStatus>;
  untilPhase(phase: Phase): Promise<DeploymentStatus>;
}

/** A worker that runs until it is stopped. */
interface TestWorker {
  stop(): Promise<void>;
}

export interface TestTemporal {
  readonly client: () => Client;
  /** Starts a worker that the caller stops; for tests with several of them. */
  startWorker(activities: Activities, taskQueue: string, options?: Partial<WorkerOptions>): Promise<TestWorker>;
  /** Runs `body` while a worker with these activities serves a task queue, by default a new one, then stops the worker. */
  serve(activities: Activities, body: (taskQueue: string) => Promise<void>, taskQueue?: string): Promise<void>;
  /** Runs `body` while a worker with these activities serves the deployment, then stops the worker. */
  deploy(
    activities: Activities,
    body: (deployment: TestDeployment) => Promise<void>,
    request?: Partial<DeploymentRequest>,
  ): Promise<void>;
}

const ASK_EVERY_MS = 25;
const QUERY_MS = 10_000;
/** More than the SDK waits between two tries of a call: 5 s, and a fifth more or less. */
const LAST_RETRY_MS = 10_000;

/** Connects a test file to the server of the whole run. */
export function useTemporal(): TestTemporal {
  let native: NativeConnection;
  let connection: Connection;
  let client: Client;
  let done = false;

  beforeAll(async () => {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
    const address = testAddress();
    const retries = defaultGrpcRetryOptions();
    const retryableDecider: typeof retries.retryableDecider = (attempt, status) =>
      !done && retries.retryableDecider(attempt, status);
    const interceptors = [makeGrpcRetryInterceptor({ ...retries, retryableDecider })];
    [native, connection] = await Promise.all([
      NativeConnection.connect({ address }),
      Connection.connect({ address, interceptors }),
    ]);
    client = new Client({ connection });
  });
  afterAll(async () => {
    // The SDK may still wait to retry a call that no test waits for. On a closed connection that throws in a timer, where nobody
    // catches it: start no further retry, and close when the last one has begun.
    done = true;
    setTimeout(() => void connection.close(), LAST_RETRY_MS).unref();
    await native.close();
  });

  const createWorker = (activities: Activities, taskQueue: string, options: Partial<WorkerOptions> = {}) =>
    Worker.create({
      connection: native,
      taskQueue,
      workflowBundle: { codePath: testBundle() },
      activities,
      maxHeartbeatThrottleInterval: 100,
      debugMode: true, // workflows in this thread: a thread of their own takes a second of CPU to start, for each test
      ...options,
    });

  const serve: TestTemporal['serve'] = async (activities, body, taskQueue = uniqueQueue()) => {
    const worker = await createWorker(activities, taskQueue);
    await worker.runUntil(() => body(taskQueue));
  };

  return {
    client: () => client,
    startWorker: async (activities, taskQueue, options) => {
      const worker = await createWorker(activities, taskQueue, options);
      const running = worker.run();
      return {
        stop: async () => {
          if (worker.getState() === 'RUNNING') worker.shutdown();
          await running;
        },
      };
    },
    serve,
    deploy: (activities, body, request = {}) =>
      serve(activities, async (taskQueue) => {
        const handle = await start(client, taskQueue, { service: uniqueService(), version: '2.5.0', ...request });
        try {
          await body(observe(handle));
        } finally {
          await handle.terminate('the test is over').catch(() => {});
        }
      }),
  };
}

export function testAddress(): string {
  return process.env['TEST_TEMPORAL_ADDRESS'] ?? '';
}

export function testBundle(): string {
  return process.env['TEST_WORKFLOW_BUNDLE'] ?? '';
}

/** A task queue that no other test's worker serves. */
export function uniqueQueue(): string {
  return `test-${randomUUID()}`;
}

/** A service that no other test deploys: the workflow id is a lock. */
export function uniqueService(): string {
  return `service-${randomUUID().slice(0, 8)}`;
}

export function start(client: Client, taskQueue: string, request: DeploymentRequest): Promise<DeploymentHandle> {
  return client.workflow.start<typeof blueGreenDeployment>('blueGreenDeployment', {
    taskQueue,
    workflowId: deploymentWorkflowId(request.service, request.environment),
    args: [request],
  });
}

export function observe(handle: DeploymentHandle, patienceMs = PATIENCE_MS): TestDeployment {
  // Without a worker a query would wait for half a minute.
  const status = (): Promise<DeploymentStatus> =>
    handle.client.connection.withDeadline(Date.now() + QUERY_MS, () => handle.query(messages.status));
  const until = async (wanted: (status: DeploymentStatus) => boolean): Promise<DeploymentStatus> => {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      // While no worker runs, a query fails: that is no answer, and is asked again.
      const now = await status().catch((error: unknown) => `${String(error)}: ${String((error as Error).cause)}`);
      if (typeof now !== 'string' && wanted(now)) return now;
      const over = typeof now !== 'string' && isClosed(now.phase);
      if (over || Date.now() > deadline)
        throw new Error(
          `${over ? 'closed before it was reached' : 'not reached'} within ${patienceMs} ms: ${JSON.stringify(now, null, 1)}`,
        );
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    }
  };
  return { handle, status, until, untilPhase: (phase) => until((now) => now.phase === phase) };
}

/** Writes the history for the replay test when `RECORD_HISTORIES=1`; otherwise the recorded one stands. */
export async function keepHistory(name: string, handle: DeploymentHandle): Promise<void> {
  if (process.env['RECORD_HISTORIES'] !== '1') return;
  const file = historyFile(name);
  const json = JSON.stringify(JSON.parse(historyToJSON(await handle.fetchHistory())));
  await writeFile(file, `${withoutPaths(json)}\n`);
}

/** How a deployment that failed has closed: the failure's type, message and report. */
export async function rolledBack(handle: DeploymentHandle) {
  const error = await handle.result().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof WorkflowFailedError) || !(error.cause instanceof ApplicationFailure))
    throw new Error(`expected a failed deployment, found ${String(error)}`);
  const { type, message, details } = error.cause;
  return { type, message, report: details?.[0] as DeploymentReport };
}
