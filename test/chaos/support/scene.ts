import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import type { Client } from '@temporalio/client';
import type { DeploymentStatus } from '../../../src/domain/status.ts';
import * as messages from '../../../src/workflows/messages.ts';
import { type LittleProduction, startLittleProduction } from '../../support/little-production.ts';
import { PATIENCE_MS } from '../../support/patience.ts';
import { observe, start, type TestDeployment, uniqueService } from '../../support/temporal.ts';
import { startWorkerProcess, type WorkerProcess } from '../../support/worker-process.ts';

export const GREEN = '2.5.0';

/** A deployment of a service of its own, in a little production of its own, by a worker of its own. */
export interface Scene extends TestDeployment {
  readonly production: LittleProduction;
  /** The one that was started last. */
  readonly worker: () => WorkerProcess;
  startWorker(): WorkerProcess;
  close(): Promise<void>;
}

export interface SceneOptions {
  readonly client: Client;
  /** Of the runbook. */
  readonly changes?: Record<string, unknown>;
  /** Joins what the worker has in its environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Before the deployment starts. */
  readonly prepare?: (production: LittleProduction) => void;
}

export async function startScene({ client, changes, env, prepare }: SceneOptions): Promise<Scene> {
  const service = uniqueService();
  const taskQueue = `chaos-${randomUUID()}`;
  const production = await startLittleProduction(service, changes);
  prepare?.(production);
  const workers: WorkerProcess[] = [];
  const startWorker = (): WorkerProcess => {
    const worker = startWorkerProcess(taskQueue, { ...production.env, ...env });
    workers.push(worker);
    return worker;
  };
  startWorker();
  const handle = await start(client, taskQueue, { service, version: GREEN });
  return {
    ...observe(handle, PATIENCE_MS),
    production,
    startWorker,
    worker: () => {
      const newest = workers.at(-1);
      if (!newest) throw new Error('a scene has a worker');
      return newest;
    },
    close: async () => {
      await handle.terminate('the test is over').catch(() => {});
      await Promise.all(workers.map((worker) => worker.kill('SIGKILL')));
      await production.stop();
    },
  };
}

/** SIGKILLs the worker that serves and starts another. */
export async function replaceWorker(scene: Scene): Promise<void> {
  await scene.worker().kill('SIGKILL');
  scene.startWorker();
}

/** What a person has to confirm, is. */
export async function attest({ handle, until }: TestDeployment): Promise<void> {
  await until(({ phase, checks }) => phase === 'checking' && checks.length > 0);
  await handle.signal(messages.attest, { check: 'load-test', by: 'ben' });
}

/** Waits until the 50 % are proven, sees that nobody got more meanwhile, and approves the rest. */
export async function approve({ handle, untilPhase, production }: Scene): Promise<DeploymentStatus> {
  const status = await untilPhase('awaiting-approval');
  expect(production.share()).toBe(0.5);
  expect(production.audit.some(({ command, argument }) => command === 'shift' && argument === '100')).toBe(false);
  await handle.signal(messages.approve, { by: 'ana' });
  return status;
}

/** Waits for a condition by asking. @throws Error that names it when it does not come. */
export async function eventually(isTrue: () => boolean | Promise<boolean>, wanted: string): Promise<void> {
  for (const until = Date.now() + PATIENCE_MS; Date.now() < until; await sleep(50)) if (await isTrue()) return;
  throw new Error(`waited ${PATIENCE_MS} ms for ${wanted}`);
}

/** Runs `act` for every item, so many at a time. */
export async function atOnce<Item, Result>(
  items: readonly Item[],
  limit: number,
  act: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const open = [...items.entries()];
  const lane = async (): Promise<void> => {
    for (let next = open.shift(); next; next = open.shift()) results[next[0]] = await act(next[1]);
  };
  await Promise.all(Array.from({ length: limit }, lane));
  return results;
}
