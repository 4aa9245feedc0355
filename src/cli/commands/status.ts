import type { Command } from 'commander';
import type { Address } from './address.ts';
import { withAddress, withExample } from './options.ts';

export interface StatusOptions extends Address {
  readonly json?: true;
}

export function addStatus(program: Command): void {
  const command = program
    .command('status')
    .description('Shows the newest deployment of a service: phase, checks, soak, gate, decisions, rollback.')
    .option('--run <id>', 'this very run, not the newest')
    .option(
      '--json',
      'what the query "status" answers, as JSON; without a worker: {"unanswered", "temporal", "report"}',
    )
    .action(async (options: StatusOptions) => {
      const { status } = await import('../actions/status.ts');
      await status(options);
    });
  withAddress(command);
  withExample(command, 'status --service recommendation', 'status --service recommendation --json');
}
