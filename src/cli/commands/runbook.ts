import type { Command } from 'commander';
import { withExample } from './options.ts';

export function addRunbook(program: Command): void {
  const runbook = program.command('runbook').description('Works with runbooks.');
  const validate = runbook
    .command('validate')
    .description('Says what is wrong with runbooks, and where; needs no Temporal.')
    .argument('<file...>', 'the runbooks')
    .action(async (files: string[]) => {
      const { validateFile } = await import('../actions/runbook.ts');
      for (const file of files) await validateFile(file);
    });
  withExample(validate, 'runbook validate runbooks/*.yaml');
}
