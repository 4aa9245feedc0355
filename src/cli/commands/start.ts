import type { Command } from 'commander';
import { whoRunsThis, withAddress, withExample } from './options.ts';

export interface StartOptions {
  readonly service: string;
  readonly version: string;
  readonly environment: string;
  readonly requestedBy?: string;
  readonly reason?: string;
  readonly watch?: true;
}

export function addStart(program: Command): void {
  const command = program.command('start').description('Starts the deployment of a version of a service.');
  withAddress(command)
    .requiredOption('--version <version>', 'the new version')
    .option('--requested-by <name>', 'who asks for it', whoRunsThis())
    .option('--reason <text>', 'why')
    .option('--watch', 'follow it until it ends, as "watch" does')
    .action(async (options: StartOptions) => {
      const { start } = await import('../actions/start.ts');
      await start(options);
    });
  withExample(command, 'start --service recommendation --version 2.5.0 --reason "new query pattern" --watch');
}
