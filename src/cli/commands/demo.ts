import { type Command, InvalidArgumentError, Option } from 'commander';
import type { FaultName } from '../../sandbox/index.ts';
import { CliError, inFull } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { faultOption } from '../fault-option.ts';
import { withExample } from '../options.ts';

interface DemoOptions {
  readonly fault?: FaultName;
  readonly faultAt: number;
  readonly yes?: true;
  readonly skipRemedies?: true;
  readonly realTime?: true;
  readonly kubernetes?: true;
  readonly rate: number;
}

export function addDemo(command: Command): void {
  command
    .addOption(faultOption('the fault to inject while green has traffic'))
    .addOption(
      new Option('--fault-at <percentage>', 'inject it when green has this percentage of the traffic')
        .choices(['50', '100'])
        .default('50')
        .argParser(Number),
    )
    .option('--yes', 'ask nobody: the demo confirms and approves by itself; the default without a terminal')
    .option('--skip-remedies', 'run no remedy automatically: the checklist waits and asks you')
    .option('--real-time', 'use soaks of 10 and 30 minutes, as in the guide')
    .option('--kubernetes', 'deploy on a real Kubernetes control plane on this machine')
    .option('--rate <requests>', 'requests per second', requestRate, 40)
    .addHelpText(
      'after',
      [
        '',
        `Exit codes: ${EXIT.ok} completed, ${EXIT.rolledBack} rolled back (expected with --fault),`,
        `${EXIT.refused} refused, ${EXIT.cancelled} cancelled, ${EXIT.unexpected} a part of the demo failed, ${EXIT.usage} bad option, ${EXIT.interrupted} Ctrl-C.`,
      ].join('\n'),
    )
    .action(demo);
  withExample(command, 'demo --fault bad-release --yes');
}

async function demo({ fault, faultAt, yes, skipRemedies, realTime, kubernetes, rate }: DemoOptions): Promise<void> {
  if (kubernetes && fault === 'slow-rollback')
    throw new CliError(
      EXIT.usage,
      'With --kubernetes there is no rollback command to be slow. Choose another --fault.',
    );
  const { runDemo } = await import('../demo/run.ts'); // only this command needs the sandbox's packages
  process.exitCode = await runDemo({
    requestsPerSecond: rate,
    pace: realTime ? 'real-time' : 'short',
    asks: yes ? 'nobody' : 'the-person-at-the-terminal',
    skipRemedies: skipRemedies === true,
    onKubernetes: kubernetes === true,
    ...(fault === undefined ? {} : { fault: { name: fault, atPercentage: faultAt } }),
  }).catch(inFull);
}

function requestRate(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 20 || number > 500)
    throw new InvalidArgumentError(
      'Expected a whole number from 20 to 500. With fewer requests, a soak proves nothing.',
    );
  return number;
}
