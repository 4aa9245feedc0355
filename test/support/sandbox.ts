import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { type DemoRunbookOptions, writeDemoRunbook } from '../../src/demo/runbook.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/index.ts';
import { startWorkerProcess, type WorkerProcess } from './worker-process.ts';

const START_MS = 600_000;

/** A sandbox for a test file, and a worker as a process of its own that deploys in it. */
export interface SandboxScene {
  readonly taskQueue: string;
  readonly sandbox: () => Sandbox;
  readonly worker: () => WorkerProcess;
}

export function useSandbox(runbook: DemoRunbookOptions, options: SandboxOptions = {}): SandboxScene {
  const taskQueue = `sandbox-${randomUUID()}`;
  let sandbox: Sandbox;
  let scratch: string;
  let worker: WorkerProcess;

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'bluegreen-end-to-end-'));
    sandbox = await startSandbox(options);
    await writeDemoRunbook(join(scratch, 'runbooks'), sandbox, runbook);
    worker = startWorkerProcess(taskQueue, {
      ...sandbox.env,
      BLUEGREEN_RUNBOOKS: join(scratch, 'runbooks'),
      BLUEGREEN_STATE: join(scratch, 'state'),
    });
  }, START_MS);

  afterAll(async () => {
    await worker.kill('SIGTERM');
    await sandbox.stop();
    await rm(scratch, { recursive: true, force: true, maxRetries: 5 });
  }, START_MS);

  return { taskQueue, sandbox: () => sandbox, worker: () => worker };
}
