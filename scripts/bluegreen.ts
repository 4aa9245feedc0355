import { CommanderError } from 'commander';
import { EXIT } from './commands/exit-codes.ts';
import { createProgram } from './commands/program.ts';
import { complain, quitWhenNobodyReads } from './view/output.ts';

quitWhenNobodyReads();
try {
  await createProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else {
    const { toProblem } = await import('./commands/to-problem.ts');
    const problem = toProblem(error);
    complain(problem.message);
    process.exitCode = problem.exitCode;
  }
}
process.exit(); // not before all is said and done, and whatever a connection still waits for
