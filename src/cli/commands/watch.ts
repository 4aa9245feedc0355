import type { Command } from 'commander';
import type { Address } from '../address.ts';
import { follow } from '../follow.ts';
import { withAddress, withBy, withExample } from '../options.ts';
import { findDeployment, withTemporal } from '../temporal.ts';

interface WatchOptions extends Address {
  readonly by?: string;
  readonly json?: true;
}

export function addWatch(command: Command): void {
  command
    .option('--run <id>', 'this run instead of the newest')
    .option('--json', 'print one JSON object per change, the outcome last (docs/watch.md)')
    .action(watch);
  withBy(withAddress(command));
  withExample(
    command,
    'watch --service recommendation',
    'watch --service recommendation --environment staging --by ana',
    'watch --service recommendation | tee deployment.log',
    'watch --service recommendation --json | jq -r .text',
  );
}

async function watch(options: WatchOptions): Promise<void> {
  await withTemporal(async (client) => {
    const { handle } = await findDeployment(client, options);
    process.exitCode = await follow(client, handle, options);
  });
}
