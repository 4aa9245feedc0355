import { Command, CommanderError } from 'commander';
import { addCheck } from './commands/check.ts';
import { addDecisions } from './commands/decisions.ts';
import { EXIT, EXIT_CODES_HELP } from './commands/exit-codes.ts';
import { addHistory } from './commands/history.ts';
import { addJudge } from './commands/judge.ts';
import { addList } from './commands/list.ts';
import { addRehearse } from './commands/rehearse.ts';
import { addRunbook } from './commands/runbook.ts';
import { addStart } from './commands/start.ts';
import { addStatus } from './commands/status.ts';
import { addWatch } from './commands/watch.ts';
import { complain, quitWhenNobodyReads } from './view/output.ts';

/** `npm run bluegreen -- ...`: everything a person does with deployments. */
const program = new Command('npm run bluegreen --')
  .description(
    'Starts, follows and decides Blue-Green deployments. Temporal is found by TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, ' +
      'TEMPORAL_PROFILE and the rest of its environment configuration; by default at localhost:7233.',
  )
  .exitOverride()
  .showHelpAfterError('(--help says more)')
  .addHelpText('after', `\n${EXIT_CODES_HELP}`);

addStart(program);
addCheck(program);
addStatus(program);
addWatch(program);
addDecisions(program);
addList(program);
addHistory(program);
addRunbook(program);
addRehearse(program);
addJudge(program);

quitWhenNobodyReads();
try {
  await program.parseAsync();
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
