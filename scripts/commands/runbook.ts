import type { Command } from 'commander';
import { loadRunbook, RunbookError } from '../../src/runbook/load.ts';
import type { Runbook } from '../../src/runbook/schema.ts';
import { complain, print } from '../view/output.ts';
import { count, roughly } from '../view/words.ts';
import { EXIT } from './exit-codes.ts';
import { withExample } from './options.ts';

export function addRunbook(program: Command): void {
  const runbook = program.command('runbook').description('Works with runbooks.');
  const validate = runbook
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
    complain(error.message);
    process.exitCode = EXIT.usage;
  }
}

function describe({ service, environment, checklist, traffic }: Runbook): string {
  const steps = traffic.map(
    ({ percentage, soak, approval }) => `${percentage} % for ${roughly(soak)}${approval ? ', then approval' : ''}`,
  );
  const critical = checklist.filter((check) => check.critical).length;
  return `ok: ${service} in ${environment}; ${count(checklist.length, 'check')} (${critical} critical); ${steps.join('; ')}`;
}
