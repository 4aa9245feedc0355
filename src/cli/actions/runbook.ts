import { loadRunbook, RunbookError, type Runbook } from '../../runbook/index.ts';
import { EXIT } from '../commands/exit-codes.ts';
import { count, roughly } from '../view/format.ts';
import { complain, print } from '../view/output.ts';

export async function validateFile(file: string): Promise<void> {
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
