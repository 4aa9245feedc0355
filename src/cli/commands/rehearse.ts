import { type Command, InvalidArgumentError } from 'commander';
import { withAddress, withExample } from './options.ts';

export interface RehearseOptions {
  readonly service: string;
  readonly environment: string;
  readonly runbook?: string;
  readonly last: number;
  readonly step?: number;
  readonly version?: string;
  readonly prometheus?: string;
  readonly selector?: string;
  readonly fromFile?: string;
  readonly toFile?: string;
  readonly rounds?: number;
  readonly seed: number;
  readonly html?: string;
  readonly json?: true;
}

export function addRehearse(program: Command): void {
  const command = program
    .command('rehearse')
    .description(
      "Runs the runbook's limits over the past: splits real traffic at random into blue and a green that is just as good, " +
        'and says how often that green would have been rolled back, and how soon a bad one is found. Needs no Temporal.',
    )
    .option('--runbook <file>', 'this runbook, not the one among BLUEGREEN_RUNBOOKS')
    .option('--last <length>', 'how far back: 12h, 7d', lengthOf, lengthOf('7d'))
    .option(
      '--step <length>',
      "how long an interval is (default: the runbook's poll of a Prometheus, or 15s)",
      lengthOf,
    )
    .option('--version <version>', 'only the traffic of this version, not of all together')
    .option('--prometheus <url>', 'this Prometheus has the past, not the one in the runbook')
    .option('--selector <labels>', "which series are the service's: 'job=\"shop\"'")
    .option('--from-file <file>', 'the past as JSON Lines, from no Prometheus')
    .option('--to-file <file>', 'keeps the past that was read, for --from-file')
    .option('--rounds <number>', 'how often each soak is split (default: 200, fewer for a long past)', wholeNumber)
    .option('--seed <number>', 'another one for other random numbers', wholeNumber, 1)
    .option('--html <file>', 'writes a page with plots, too')
    .option('--json', 'as JSON (docs/rehearse.md)')
    .action(async (options: RehearseOptions) => {
      const { rehearseThePast } = await import('../actions/rehearse.ts');
      await rehearseThePast(options);
    });
  withAddress(command);
  withExample(
    command,
    'rehearse --service recommendation --last 7d --html rehearsal.html',
    'rehearse --service recommendation --prometheus http://127.0.0.1:19090 --selector \'job="router"\' --last 1h',
    'rehearse --service recommendation --from-file past.jsonl --json',
  );
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function lengthOf(text: string): number {
  const [, amount, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const ms = Number(amount) * (UNIT_MS[unit] ?? Number.NaN);
  if (ms > 0) return ms;
  throw new InvalidArgumentError('Expected a length such as 15s, 30m, 12h or 7d.');
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number from 1 to 999999.');
}
