import type { Command } from 'commander';
import { loadRunbook, type Runbook, RunbookError } from '../../runbook/index.ts';
import { EXIT } from '../exit-codes.ts';
import { withExample } from '../options.ts';
import { count, formatDurationRoughly } from '../view/format.ts';
import { print, printError } from '../view/output.ts';

export function addRunbook(command: Command): void {
  const validate = command
    .command('validate')
    .description('Says what is wrong with runbooks, and where; needs no Temporal.')
    .argument('<file...>', 'the runbooks')
    .action(async (files: string[]) => {
      for (const file of files) await validateFile(file);
    });
  withExample(validate, 'runbook validate runbooks/*.yaml');
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
