import { type Command, Option } from 'commander';
import { PHASES, type Phase } from '../../domain/index.ts';
import { positiveNumber, withExample } from './options.ts';

export interface ListOptions {
  readonly service?: string;
  readonly environment?: string;
  readonly phase?: Phase;
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
    .addOption(new Option('--phase <phase>', 'only in this phase, or ended so').choices(PHASES))
    .option('--open', 'only those under way')
    .option('--limit <number>', 'so many at most', positiveNumber, 20)
    .option('--json', 'as JSON')
    .action(async (options: ListOptions) => {
      const { list } = await import('../actions/list.ts');
      await list(options);
    });
  withExample(
    command,
    'list --open',
    'list --phase awaiting-approval',
    'list --service recommendation --limit 5 --json',
  );
}
