import { Command } from 'commander';
import { addCheck } from './check.ts';
import { addCompletion } from './completion.ts';
import { addDecisions } from './decisions.ts';
import { EXIT_CODES_HELP } from './exit-codes.ts';
import { addHistory } from './history.ts';
import { addJudge } from './judge.ts';
import { addLink } from './link.ts';
import { addList } from './list.ts';
import { addRehearse } from './rehearse.ts';
import { addReport } from './report.ts';
import { addRunbook } from './runbook.ts';
import { addStart } from './start.ts';
import { addStatus } from './status.ts';
import { addWatch } from './watch.ts';

/** `npm run bluegreen -- ...`: everything a person does with deployments. What a command does is loaded when it is run. */
export function createProgram(): Command {
  const program = new Command('npm run bluegreen --')
    .description(
      'Starts, follows and decides Blue-Green deployments. Temporal is found by TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, ' +
        'TEMPORAL_PROFILE and the rest of its environment configuration; by default at localhost:7233.',
    )
    .exitOverride()
    .showHelpAfterError('(--help says more)')
    .addHelpText('after', `\n${EXIT_CODES_HELP}`);
  for (const add of COMMANDS) add(program);
  return program;
}

const COMMANDS = [
  addStart,
  addCheck,
  addStatus,
  addWatch,
  addDecisions,
  addLink,
  addList,
  addHistory,
  addReport,
  addRunbook,
  addRehearse,
  addJudge,
  addCompletion,
] as const;
