import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { testAddress } from './temporal.ts';

/** The real worker as a process of its own, to be killed. */
export interface WorkerProcess {
  readonly pid: number;
  /** What it wrote to its log so far. */
  log(): string;
  /** Ends it and waits until it is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

export function startWorkerProcess(taskQueue: string, env: Readonly<Record<string, string>>): WorkerProcess {
  const file = fileURLToPath(new URL('../../src/worker.ts', import.meta.url));
  const child: ChildProcess = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), file], {
    env: { ...process.env, TEMPORAL_ADDRESS: testAddress(), BLUEGREEN_TASK_QUEUE: taskQueue, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stdout?.on('data', (chunk) => (log += String(chunk)));
  child.stderr?.on('data', (chunk) => (log += String(chunk)));
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    pid: child.pid ?? 0,
    log: () => log,
    kill: async (signal) => {
      child.kill(signal);
      await gone;
    },
  };
}
