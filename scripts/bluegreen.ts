import { CommanderError } from 'commander';
import { EXIT, createProgram, complain, quitWhenNobodyReads } from '../src/cli/index.ts';

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
