import { type Command, Option } from 'commander';
import type { Address } from './address.ts';
import { withAddress, withExample } from './options.ts';

export interface ReportOptions extends Address {
  readonly format?: 'html' | 'json' | 'md';
  readonly output?: string;
}

export function addReport(program: Command): void {
  const command = program
    .command('report')
    .description(
      "Makes the report of a deployment that has ended, from Temporal's history and the series that a worker kept on " +
        'this machine (BLUEGREEN_STATE). Without the series its charts are coarse, and it says so. Needs no worker.',
    )
    .option('--run <id>', 'this run, not the newest')
    .addOption(
      new Option('--format <format>', 'md, html or json (default: by the ending of the file, or md)').choices([
        'md',
        'html',
        'json',
      ]),
    )
    .option('--output <file>', 'writes it there, not to the terminal')
    .action(async (options: ReportOptions) => {
      const { report } = await import('../actions/report.ts');
      await report(options);
    });
  withAddress(command);
  withExample(
    command,
    'report --service recommendation',
    'report --service recommendation --output report.html',
    'report --service recommendation --format json | less',
  );
}
