/** What a script's exit code says. Documented by `--help`; programs rely on it, so a number never changes its meaning. */
export const EXIT = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  notTaken: 3,
  notFound: 4,
  unknown: 5,
  unreachable: 6,
  underWay: 7,
  rolledBack: 10,
  refused: 11,
  cancelled: 12,
  endedByForce: 13,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const MEANING: Record<keyof typeof EXIT, string> = {
  ok: 'done; the deployment completed (start --watch, watch, demo)',
  unexpected: 'unexpected error',
  usage: 'bad input: an option, a request or a runbook',
  notTaken: 'the deployment did not take the decision',
  notFound: 'no such deployment',
  unknown: 'no answer in time: it is not known whether it happened',
  unreachable: 'Temporal (rehearse: the Prometheus) cannot be reached, or refuses this client',
  underWay: 'not started: a deployment is under way already',
  rolledBack: 'the deployment was rolled back, blue is verified',
  refused: 'the deployment was refused, nothing was deployed',
  cancelled: 'the deployment was cancelled, whatever was changed is rolled back',
  endedByForce: 'the deployment was terminated: nothing was rolled back',
  interrupted: 'Ctrl-C, or q while watching: left before the end',
};

export const EXIT_CODES_HELP = [
  'Exit codes:',
  ...(Object.keys(EXIT) as (keyof typeof EXIT)[]).map((name) => `  ${String(EXIT[name]).padEnd(4)} ${MEANING[name]}`),
].join('\n');
