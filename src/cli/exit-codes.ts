/** The exit codes, documented by `--help`. Scripts rely on them: a number never changes its meaning. */
export const EXIT = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  notTaken: 3,
  notFound: 4,
  unknown: 5,
  unreachable: 6,
  underWay: 7,
  notAccepted: 8,
  rolledBack: 10,
  refused: 11,
  cancelled: 12,
  endedByForce: 13,
  stopped: 14,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const MEANING: Record<keyof typeof EXIT, string> = {
  ok: 'done; for start: the deployment was accepted; for start --watch, watch and demo: the deployment completed',
  unexpected: 'unexpected error',
  usage: 'bad input: an option, a request or a runbook',
  notTaken: 'the decision was refused',
  notFound: 'no such deployment',
  unknown: 'no answer in time: the command may have taken effect',
  unreachable:
    'Temporal (for rehearse and metrics: Prometheus; for notifications test: a channel) cannot be reached, or refuses this client',
  underWay: 'not started: another deployment is running',
  notAccepted: 'started, but not accepted in time: usually no worker runs; the deployment waits for one',
  rolledBack: 'the deployment was rolled back: blue has all of the traffic',
  refused:
    'the deployment was refused; nothing was deployed (metrics inspect, runbook validate --probe: it would be refused)',
  cancelled: 'the deployment was cancelled, and what it had changed was rolled back',
  endedByForce: 'the deployment was terminated: nothing was rolled back',
  stopped: 'the train ended early, and some of its deployments stay: see status --train',
  interrupted: 'you left before the end: Ctrl-C, or q while watching',
};

export const EXIT_CODES_HELP = [
  'Exit codes:',
  ...(Object.keys(EXIT) as (keyof typeof EXIT)[]).map((name) => `  ${String(EXIT[name]).padEnd(4)} ${MEANING[name]}`),
].join('\n');
