import type { Command } from 'commander';
import { positiveNumber, withExample } from './options.ts';

export interface ListOptions {
  readonly service?: string;
  readonly environment?: string;
  readonly open?: true;
  readonly limit: number;
  readonly json?: true;
}

export function addList(program: Command): void {
  const command = program
    .command('list')
    .description('Lists deployments, the newest first.')
    .option('--service <name>', 'only of this service')
    .option('--environment <name>', 'only in this environment')
    .option('--open', 'only those under way')
    .option('--limit <number>', 'so many at most', positiveNumber, 20)
    .option('--json', 'as JSON')
    .action(async (options: ListOptions) => {
      const { list } = await import('../actions/list.ts');
      await list(options);
    });
  withExample(command, 'list --open', 'list --service recommendation --limit 5 --json');
}
