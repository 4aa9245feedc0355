import type { Command } from 'commander';
import type { Address } from './address.ts';
import { positiveNumber, withAddress, withExample } from './options.ts';

export interface HistoryOptions extends Address {
  readonly limit: number;
  readonly json?: true;
}

export function addHistory(program: Command): void {
  const command = program
    .command('history')
    .description(
      'Lists the past deployments of a service, the newest first: how each ended, how long it took, how soon blue had ' +
        'recovered. As far back as Temporal keeps closed workflows; needs no worker.',
    );
  withAddress(command)
    .option('--limit <number>', 'so many at most', positiveNumber, 20)
    .option('--json', 'as JSON, with the summary of each')
    .action(async (options: HistoryOptions) => {
      const { history } = await import('../actions/history.ts');
      await history(options);
    });
  withExample(command, 'history --service recommendation', 'history --service recommendation --limit 5 --json');
}
