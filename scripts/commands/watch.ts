import type { Command } from 'commander';
import type { Address } from './address.ts';
import { withAddress, withExample } from './options.ts';

export function addWatch(program: Command): void {
  const command = program
    .command('watch')
    .description('Follows a deployment until it ends; the exit code tells how. Ctrl-C ends the watching only.')
    .option('--run <id>', 'this very run, not the newest')
    .action(async (address: Address) => {
      const { watch } = await import('../actions/watch.ts');
      await watch(address);
    });
  withAddress(command);
  withExample(command, 'watch --service recommendation', 'watch --service recommendation | tee deployment.log');
}
