import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { EXIT, printError } from '../src/cli/index.ts';
import { runDemo } from './demo/run.ts';

/** `npm run demo`: a real deployment in a little production on this machine. */
const FAULTS = ['missing-index', 'pool-exhaustion', 'bad-release', 'slow-rollback'] as const;

const program = new Command('npm run demo --')
  .description(
    'Deploys recommendation 2.5.0 in a little production on this machine, with a real Temporal server, as the guide says: ' +
      'the checklist, 50 %, your approval, 100 %. About two minutes. Everything it starts is ended and removed.',
  )
  .addOption(new Option('--fault <name>', 'what goes wrong while green has traffic').choices(FAULTS))
  .addOption(
    new Option('--fault-at <percentage>', 'when green has so much')
      .choices(['50', '100'])
      .default('50')
      .argParser(Number),
  )
  .option('--yes', 'nobody is asked: the demo confirms and approves by itself (so it does without a terminal)')
  .option('--skip-remedies', 'no remedy runs by itself: the checklist waits and asks you')
  .option('--real-time', "the guide's own times: 10 and 30 minutes")
  .option('--rate <requests>', 'requests per second', rate, 40)
  .exitOverride()
  .showHelpAfterError('(--help says more)')
  .addHelpText(
    'after',
    [
      '',
      `Exit codes: ${EXIT.ok} completed, ${EXIT.rolledBack} rolled back (with --fault that is what was asked for),`,
      `${EXIT.refused} refused, ${EXIT.cancelled} cancelled, ${EXIT.unexpected} a part did not start or broke, ${EXIT.usage} bad option, ${EXIT.interrupted} Ctrl-C.`,
      '',
      'Example:',
      '  npm run demo -- --fault bad-release --yes',
    ].join('\n'),
  );

interface Options {
  readonly fault?: (typeof FAULTS)[number];
  readonly faultAt: number;
  readonly yes?: true;
  readonly skipRemedies?: true;
  readonly realTime?: true;
  readonly rate: number;
}

function rate(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 20 || number > 500)
    throw new InvalidArgumentError('Expected a whole number from 20 to 500: with fewer a soak proves nothing.');
  return number;
}

try {
  const { fault, faultAt, yes, skipRemedies, realTime, rate: requestsPerSecond } = program.parse().opts<Options>();
  process.exitCode = await runDemo({
    requestsPerSecond,
    pace: realTime ? 'real-time' : 'short',
    asks: yes ? 'nobody' : 'the-person-at-the-terminal',
    skipRemedies: skipRemedies === true,
    ...(fault === undefined ? {} : { fault: { name: fault, atPercentage: faultAt } }),
  });
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else {
    printError(error instanceof Error ? error.message : String(error));
    process.exitCode = EXIT.unexpected;
  }
}
process.exit(); // not before all is said and done, and whatever a connection still waits for
