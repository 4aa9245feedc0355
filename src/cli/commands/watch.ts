import type { Command } from 'commander';
import type { Address } from './address.ts';
import { withAddress, withBy, withExample } from './options.ts';

export interface WatchOptions extends Address {
  readonly by?: string;
  readonly json?: true;
}

export function addWatch(program: Command): void {
  const command = program
    .command('watch')
    .description(
      'Follows a deployment until it ends; the exit code tells how. Ctrl-C or q ends the watching only. At a terminal keys ' +
        'decide: a approve, r reject, x abort, each with a reason and Enter; for a checklist that waits c recheck, ' +
        'm remedy, t attest, w waive; R retries a rollback. In a pipe: one line per change.',
    )
    .option('--run <id>', 'this very run, not the newest')
    .option('--json', 'one JSON object per change and line, the outcome last (docs/watch.md)')
    .action(async (options: WatchOptions) => {
      const { watch } = await import('../actions/watch.ts');
      await watch(options);
    });
  withBy(withAddress(command));
  withExample(
    command,
    'watch --service recommendation',
    'watch --service recommendation --environment staging --by ana',
    'watch --service recommendation | tee deployment.log',
    'watch --service recommendation --json | jq -r .text',
  );
}
