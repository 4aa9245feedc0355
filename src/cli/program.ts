import { Command } from 'commander';
import { PACKAGE_VERSION } from '../util/index.ts';
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
    description: 'Starts a deployment.',
    load: async () => (await import('./commands/start.ts')).addStart,
  },
  {
    name: 'check',
    description:
      'Runs only the checklist, including automatic remedies; deploys nothing. Exit code 0: every check passed.',
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
      'Shows a deployment until it ends; the exit code shows how it ended. Ctrl-C or q leaves, and the deployment continues. ' +
      'At a terminal, keys send decisions: a approve, r reject, x abort; for a waiting checklist c recheck, m remedy, ' +
      't attest, w waive; for a stalled rollback R retry, A accept blue. In a pipe: one line per change.',
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
    name: 'rollback',
    description:
      'Goes back to the version before the last deployment, after that has ended: completed, or terminated wherever the traffic was. ' +
      'While a deployment runs, use abort.',
    load: async () => (await import('./commands/rollback.ts')).addRollback,
  },
  {
    name: 'queue',
    description:
      'Shows the deployments of a service that wait for their time or for the one that runs, or removes one.',
    load: async () => (await import('./commands/queue.ts')).addQueue,
  },
  {
    name: 'freeze',
    description:
      'Stops the line: no deployment starts in an environment, or of a service, or shifts more traffic to green. Rollbacks go on.',
    load: async () => (await import('./commands/freeze.ts')).addFreeze,
  },
  {
    name: 'thaw',
    description: 'Ends a freeze that was made with "freeze".',
    load: async () => (await import('./commands/thaw.ts')).addThaw,
  },
  {
    name: 'link',
    description:
      "Prints links to Temporal's UI: to its form for starting a deployment, partly filled in, and to the running " +
      'deployment, if any. Starts nothing.',
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
      'Lists the past deployments of a service, the newest first: outcome, duration and recovery time. Goes back as far ' +
      'as Temporal keeps closed workflows. Needs no worker.',
    load: async () => (await import('./commands/history.ts')).addHistory,
  },
  {
    name: 'report',
    description:
      "Creates the report of a deployment that has ended, from Temporal's history and the series that the workers stored " +
      '(BLUEGREEN_STATE on this machine, or BLUEGREEN_STATE_URL). Without the series its charts are coarse. Needs a worker only if the deployment ' +
      'was terminated.',
    load: async () => (await import('./commands/report.ts')).addReport,
  },
  {
    name: 'runbook',
    description: 'Creates and validates runbooks.',
    load: async () => (await import('./commands/runbook.ts')).addRunbook,
  },
  {
    name: 'metrics',
    description: 'Shows what the watch would see of the metrics, drafts a metrics block, and lists the presets.',
    load: async () => (await import('./commands/metrics.ts')).addMetrics,
  },
  {
    name: 'notifications',
    description: 'Tests the notifications of a runbook.',
    load: async () => (await import('./commands/notifications.ts')).addNotifications,
  },
  {
    name: 'rehearse',
    description:
      "Tests a runbook's limits on past traffic: how often a green as good as blue would be rolled back, and how soon " +
      'a bad one is found. Needs no Temporal.',
    load: async () => (await import('./commands/rehearse.ts')).addRehearse,
  },
  {
    name: 'judge',
    description:
      'Judges recorded soaks: reads one soak as JSON per line from standard input, and prints one verdict as JSON per line, in the ' +
      `same order. docs/judge-command.md describes the format. Invalid lines are reported on standard error; the others are judged, and the exit code is ${EXIT.usage}.`,
    load: async () => (await import('./commands/judge.ts')).addJudge,
  },
  {
    name: 'worker',
    description: 'Runs a worker until it is stopped. docs/production.md lists its environment variables.',
    load: async () => (await import('./commands/worker.ts')).addWorker,
  },
  {
    name: 'temporal',
    description:
      'Runs a local Temporal server with its UI until Ctrl-C, for development. TEMPORAL_ADDRESS selects another server.',
    load: async () => (await import('./commands/temporal.ts')).addTemporal,
  },
  {
    name: 'demo',
    description:
      'Deploys version 2.5.0 of a service in a sandbox on this machine, in about two minutes: the checklist, 50 % of the ' +
      'traffic, your approval, 100 %. Stops and removes everything at the end.',
    load: async () => (await import('./commands/demo.ts')).addDemo,
  },
  {
    name: 'sandbox',
    description:
      "Runs the demo's environment without a deployment until Ctrl-C: a database, the recommendation service, a router " +
      'and load.',
    load: async () => (await import('./commands/sandbox.ts')).addSandbox,
  },
  {
    name: 'completion',
    description: 'Prints the shell command "bluegreen" with Tab completion, for your shell settings.',
    load: async () => (await import('./commands/completion.ts')).addCompletion,
  },
];

/** With `--train`, these are about a whole train: commands of their own, with their own options. */
const TRAIN_COMMANDS: Readonly<Partial<Record<string, CommandEntry['load']>>> = {
  start: async () => (await import('./train/start.ts')).addStartTrain,
  status: async () => (await import('./train/status.ts')).addTrainStatus,
  watch: async () => (await import('./train/follow-train.ts')).addWatchTrain,
  abort: async () => (await import('./train/abort.ts')).addAbortTrain,
  report: async () => (await import('./train/report.ts')).addTrainReport,
};
const TRAIN_OPTION = [
  '--train <name>',
  'a train instead of one deployment (start takes its file); its own options: see --help with --train NAME',
] as const;

/**
 * The program as far as these arguments need it: only the file of the command they name is loaded, since the Temporal client
 * and the runbook schema take longer to load than most commands take to run. Without arguments, every command is loaded.
 */
export async function createProgram(args?: readonly string[]): Promise<Command> {
  const program = new Command(COMMAND)
    .description(
      'Runs and controls Blue-Green deployments. Connects to Temporal at localhost:7233, or as TEMPORAL_ADDRESS, ' +
        "TEMPORAL_NAMESPACE, TEMPORAL_PROFILE and Temporal's other variables say.",
    )
    .version(`bluegreen ${PACKAGE_VERSION} (Node.js ${process.versions.node})`, '-V, --version', 'print the version')
    .enablePositionalOptions() // --version after the name of a command is the version to deploy
    .exitOverride()
    .showHelpAfterError('(use --help for details)')
    .addHelpText('after', `\n${EXIT_CODES_HELP}`);
  for (const { name, description, load } of COMMANDS) {
    const command = program.command(name).description(description);
    command.configureOutput({ outputError: (text, write) => write(`${text}${unknownOption(text, command)}`) });
    const called = calledAs(name);
    if (called !== `${COMMAND} ${name}`)
      command.configureHelp({ commandUsage: (shown) => `${called} ${shown.usage()}` });
    const ofTrains = TRAIN_COMMANDS[name];
    if (ofTrains && args?.some((arg) => /^--train(=|$)/.test(arg))) (await ofTrains())(command);
    else if (isNeeded(name, args)) {
      (await load())(command);
      // Never read here: with it, the command above takes the place of this one.
      if (ofTrains) command.option(...TRAIN_OPTION);
    }
  }
  return program;
}

/** Names the mistyped option behind a missing one, which commander reports alone. */
function unknownOption(error: string, { args }: Command): string {
  const unknown = args.find((arg) => /^-./.test(arg));
  return unknown !== undefined && /required option/.test(error) ? `error: unknown option '${unknown}'\n` : '';
}

/** `completion` lists the options of all. */
function isNeeded(name: string, args: readonly string[] | undefined): boolean {
  if (!args) return true;
  const [first, second] = args.filter((arg) => !arg.startsWith('-'));
  return first === name || first === 'completion' || (first === 'help' && second === name);
}
