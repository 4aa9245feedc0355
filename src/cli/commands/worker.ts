import type { Command } from 'commander';
import { keepHeapSmall } from '../../util/index.ts';
import { withExample } from '../options.ts';

export function addWorker(command: Command): void {
  command.action(async () => {
    keepHeapSmall();
    const { runWorker } = await import('../../worker/index.ts'); // the SDK's native part is for workers only
    await runWorker();
  });
  withExample(command, 'worker');
}
