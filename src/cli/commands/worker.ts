import type { Command } from 'commander';
import { withExample } from '../options.ts';

export function addWorker(command: Command): void {
  command.action(async () => {
    const { runWorker } = await import('../../worker/index.ts'); // the SDK's native part is for workers only
    await runWorker();
  });
  withExample(command, 'worker');
}
