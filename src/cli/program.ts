import { Command } from 'commander';
import { COMMAND, calledAs } from './address.ts';
import { DECISION_KINDS } from './decision-kinds.ts';
import { EXIT, EXIT_CODES_HELP } from './exit-codes.ts';

interface CommandEntry {
  readonly name: string;
  readonly description: string;
  /** Loads the command's own file and returns what adds its options and its action. */
  readonly load: () => Promise<(command: Command) => void>;
}

const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'start',
    description: 'Starts the deployment of a version of a service.',
    load: async () => (await import('./commands/start.ts')).addStart,
  },
  {
    name: 'check',
    description:
      'Runs the checklist alone, automatic remedies included; nothing is deployed. The exit code says whether all of it passed.',
    load: async () => (await import('./commands/check.ts')).addCheck,
  },
  {
    name: 'status',
    description: 'Shows the newest deployment of a service: phase, checks, soak, gate, decisions, rollback.',
    load: async () => (await import('./commands/status.ts')).addStatus,
  },
  {
    name: 'watch',
    description:
      'Follows a deployment until it ends; the exit code says how it ended. Ctrl-C or q ends the watching only. At a terminal keys ' +
      'decide: a approve, r reject, x abort, each with a reason and Enter; for a checklist that waits c recheck, ' +
      'm remedy, t attest, w waive; R retries a rollback. In a pipe: one line per change.',
    load: async () => (await import('./commands/watch.ts')).addWatch,
  },
  ...DECISION_KINDS.map((kind) => ({
    name: kind.name,
    description: kind.description,
    load: async () => {
      const { addDecision } = await import('./commands/decide.ts');
      return (command: Command) => addDecision(command, kind);
    },
  })),
  {
    name: 'link',
    description:
      "Links to Temporal's UI: to its form for starting a deployment, filled in as far as a link can, and to the " +
      'deployment that is under way, if there is one. Starts nothing.',
    load: async () => (await import('./commands/link.ts')).addLink,
  },
  {
    name: 'list',
    description: 'Lists deployments, the newest first.',
    load: async () => (await import('./commands/list.ts')).addList,
  },
  {
    name: 'history',
    description:
      'Lists the past deployments of a service, the newest first: how each ended, how long it took, how soon blue had ' +
      'recovered. As far back as Temporal keeps closed workflows; needs no worker.',
    load: async () => (await import('./commands/history.ts')).addHistory,
  },
  {
    name: 'report',
    description:
      "Makes the report of a deployment that has ended, from Temporal's history and the series that a worker kept on " +
      'this machine (BLUEGREEN_STATE). Without the series its charts are coarse, and it says so. Needs no worker.',
    load: async () => (await import('./commands/report.ts')).addReport,
  },
  {
    name: 'runbook',
    description: 'Works with runbooks.',
    load: async () => (await import('./commands/runbook.ts')).addRunbook,
  },
  {
    name: 'rehearse',
    description:
      "Runs the runbook's limits over the past: splits real traffic at random into blue and a green that is just as good, " +
      'and says how often that green would have been rolled back, and how soon a bad one is found. Needs no Temporal.',
    load: async () => (await import('./commands/rehearse.ts')).addRehearse,
  },
  {
    name: 'judge',
    description:
      'Judges soaks that are over: one soak as JSON per line on standard input, one verdict as JSON per line on standard ' +
      'output, in the same order, as soon as it is known. docs/judge.md has the format. A line that is no soak is ' +
      `complained about; the others are judged, and the exit code is ${EXIT.usage}.`,
    load: async () => (await import('./commands/judge.ts')).addJudge,
  },
  {
    name: 'worker',
    description: 'Runs a worker until it is stopped. docs/production.md has its environment.',
    load: async () => (await import('./commands/worker.ts')).addWorker,
  },
  {
    name: 'temporal',
    description:
      'Runs a local Temporal server with its UI until Ctrl-C. For development: a real one is set by TEMPORAL_ADDRESS.',
    load: async () => (await import('./commands/temporal.ts')).addTemporal,
  },
  {
    name: 'demo',
    description:
      'Deploys recommendation 2.5.0 in a little production on this machine, with a real Temporal server, as the guide says: ' +
      'the checklist, 50 %, your approval, 100 %. About two minutes. Everything it starts is ended and removed.',
    load: async () => (await import('./commands/demo.ts')).addDemo,
  },
  {
    name: 'sandbox',
    description:
      "Runs the demo's environment alone until Ctrl-C: a database, the recommendation service, a router, and load.",
    load: async () => (await import('./commands/sandbox.ts')).addSandbox,
  },
  {
    name: 'completion',
    description: 'Prints what gives a shell the command "bluegreen", which completes its commands and options.',
    load: async () => (await import('./commands/completion.ts')).addCompletion,
  },
];

/**
 * The program as far as these arguments need it: only the file of the command they name is loaded, since the Temporal client
 * and the runbook schema take longer to load than most commands take to run. Without arguments, every command is loaded.
 */
export async function createProgram(args?: readonly string[]): Promise<Command> {
  const program = new Command(COMMAND)
    .description(
      'Starts, follows and decides Blue-Green deployments. Temporal is found by TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, ' +
        'TEMPORAL_PROFILE and the rest of its environment configuration; by default at localhost:7233.',
    )
    .exitOverride()
    .showHelpAfterError('(--help says more)')
    .addHelpText('after', `\n${EXIT_CODES_HELP}`);
  for (const { name, description, load } of COMMANDS) {
    const command = program.command(name).description(description);
    const called = calledAs(name);
    if (called !== `${COMMAND} ${name}`)
      command.configureHelp({ commandUsage: (shown) => `${called} ${shown.usage()}` });
    if (isNeeded(name, args)) (await load())(command);
  }
  return program;
}

/** `completion` lists the options of all. */
function isNeeded(name: string, args: readonly string[] | undefined): boolean {
  if (!args) return true;
  const [first, second] = args.filter((arg) => !arg.startsWith('-'));
  return first === name || first === 'completion' || (first === 'help' && second === name);
}
