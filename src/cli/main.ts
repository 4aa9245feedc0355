import { setImmediate } from 'node:timers/promises';
import { CommanderError } from 'commander';
import { namesProxy } from '../util/index.ts';
import { EXIT } from './exit-codes.ts';
import { createProgram } from './program.ts';
import { exitOnEpipe, printError } from './view/output.ts';

/** Runs the command that the arguments name, and ends the process with its exit code. */
export async function main(args: readonly string[] = process.argv.slice(2)): Promise<never> {
  exitOnEpipe();
  try {
    if (namesProxy()) (await import('../proxy/index.ts')).useProxy();
    const program = await createProgram(args);
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    else {
      const { toCliError } = await import('./to-cli-error.ts');
      const problem = toCliError(error);
      printError(problem.message);
      process.exitCode = problem.exitCode;
    }
  }
  await setImmediate(); // output that could not be written is known by then
  process.exit(); // not before all is said and done, and whatever a connection still waits for
}
