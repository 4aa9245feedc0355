import type { Command } from 'commander';
import { withAddress, withExample } from './options.ts';

export interface CheckOptions {
  readonly service: string;
  readonly version: string;
  readonly environment: string;
  readonly wait?: true;
}

export function addCheck(program: Command): void {
  const command = program
    .command('check')
    .description(
      'Runs the checklist alone, automatic remedies included; nothing is deployed. The exit code tells whether all of it passed.',
    );
  withAddress(command)
    .requiredOption('--version <version>', 'the new version')
    .option('--wait', 'what has not passed waits for people, as in a deployment; without it the checklist ends')
    .action(async (options: CheckOptions) => {
      const { check } = await import('../actions/check.ts');
      await check(options);
    });
  withExample(command, 'check --service recommendation --version 2.5.0');
}
