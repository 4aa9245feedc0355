import type { Command } from 'commander';
import { whoRunsThis, withAddress, withExample } from './options.ts';

export interface LinkOptions {
  readonly service: string;
  readonly version: string;
  readonly environment: string;
  readonly requestedBy?: string;
  readonly reason?: string;
  readonly ui: string;
}

/** Where the UI of a local server is. */
const LOCAL_UI = 'http://localhost:8233';

export function addLink(program: Command): void {
  const command = program
    .command('link')
    .description(
      "Links to Temporal's UI: to its form for starting a deployment, filled in as far as a link can, and to the " +
        'deployment that is under way, if there is one. Starts nothing.',
    );
  withAddress(command)
    .requiredOption('--version <version>', 'the new version')
    .option('--requested-by <name>', 'who asks for it', whoRunsThis())
    .option('--reason <text>', 'why')
    .option('--ui <url>', 'where the UI is; or TEMPORAL_UI_ADDRESS', process.env['TEMPORAL_UI_ADDRESS'] || LOCAL_UI)
    .action(async (options: LinkOptions) => {
      const { link } = await import('../actions/link.ts');
      await link(options);
    });
  withExample(command, 'link --service recommendation --version 2.5.0');
}
