import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { count } from '../../format/index.ts';
import { loadRunbook, parseRunbook, type Runbook, RunbookError } from '../../runbook/index.ts';
import { errorCode } from '../../util/index.ts';
import { COMMAND } from '../address.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { withAddress, withExample } from '../options.ts';
import { type RunbookTemplate, runbookTemplate } from '../runbook-template.ts';
import { formatDurationRoughly } from '../view/format.ts';
import { print, printError } from '../view/output.ts';

interface InitOptions extends RunbookTemplate {
  readonly output?: string;
}

export function addRunbook(command: Command): void {
  const init = command
    .command('init')
    .description('Writes a commented runbook to start from. It is valid; put your own programs and addresses into it.');
  withAddress(init)
    .option('--output <file>', 'writes it there (default: SERVICE.yaml among BLUEGREEN_RUNBOOKS)')
    .option('--prometheus <url>', "your Prometheus' address", 'http://127.0.0.1:9090')
    .option('--requests <metric>', 'the counter of requests', 'http_requests_total')
    .option('--latency <metric>', 'the histogram of their durations', 'http_request_duration_seconds')
    .option('--version-label <label>', 'the label that holds the version', 'version')
    .option('--code-label <label>', 'the label that holds the HTTP status', 'code')
    .action(initRunbook);
  withExample(init, 'runbook init --service shop --prometheus http://prometheus.example.com:9090');
  const validate = command
    .command('validate')
    .description('Says what is wrong with runbooks, and where; needs no Temporal.')
    .argument('<file...>', 'the runbooks')
    .action(async (files: string[]) => {
      for (const file of files) await validateFile(file);
    });
  withExample(validate, 'runbook validate runbooks/*.yaml');
}

async function initRunbook({ output, ...values }: InitOptions): Promise<void> {
  const file = output ?? join(process.env['BLUEGREEN_RUNBOOKS'] ?? 'runbooks', `${values.service}.yaml`);
  const text = runbookTemplate(values);
  try {
    parseRunbook(text, file);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text, { flag: 'wx' });
  } catch (error) {
    if (error instanceof RunbookError) throw new CliError(EXIT.usage, error.message, { cause: error });
    const why =
      errorCode(error) === 'EEXIST'
        ? 'exists already, and is left as it is'
        : `cannot be written (${errorCode(error)})`;
    throw new CliError(EXIT.usage, `${file}: ${why}. Name another file with --output.`, { cause: error });
  }
  print(`Written: ${file}`);
  print('Put your own programs and addresses into it, then check it:');
  print(`  ${COMMAND} runbook validate ${file}`);
}

async function validateFile(file: string): Promise<void> {
  try {
    print(`${file}: ${describe(await loadRunbook(file))}`);
  } catch (error) {
    if (!(error instanceof RunbookError)) throw error;
    printError(error.message);
    process.exitCode = EXIT.usage;
  }
}

function describe({ service, environment, checklist, traffic }: Runbook): string {
  const steps = traffic.map(
    ({ percentage, soak, approval }) =>
      `${percentage} % for ${formatDurationRoughly(soak)}${approval ? ', then approval' : ''}`,
  );
  const critical = checklist.filter((check) => check.critical).length;
  return `ok: ${service} in ${environment}; ${count(checklist.length, 'check')} (${critical} critical); ${steps.join('; ')}`;
}
