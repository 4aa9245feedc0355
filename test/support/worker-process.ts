import { type ChildProcess, spawn } from 'node:child_process';
import { testAddress } from './temporal.ts';

/** The real worker as a process of its own, to be killed. */
export interface WorkerProcess {
  readonly pid: number;
  /** What it wrote to its log so far. */
  log(): string;
  /** Ends it and waits until it is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** It stands still, with its connections open, until it is thawed. */
  freeze(): void;
  thaw(): void;
}

export function startWorkerProcess(
  taskQueue: string,
  env: Readonly<Record<string, string>>,
  program: string = process.env['TEST_WORKER'] ?? '',
): WorkerProcess {
  const child: ChildProcess = spawn(process.execPath, ['--enable-source-maps', program], {
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
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
  };
}
