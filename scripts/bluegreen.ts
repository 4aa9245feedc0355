import { CommanderError } from 'commander';
import { EXIT } from '../src/cli/commands/exit-codes.ts';
import { createProgram } from '../src/cli/commands/program.ts';
import { complain, quitWhenNobodyReads } from '../src/cli/view/output.ts';

quitWhenNobodyReads();
try {
  await createProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else {
    const { toProblem } = await import('../src/cli/commands/to-problem.ts');
    const problem = toProblem(error);
    complain(problem.message);
    process.exitCode = problem.exitCode;
  }
}
process.exit(); // not before all is said and done, and whatever a connection still waits for
