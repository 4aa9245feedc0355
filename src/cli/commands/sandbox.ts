import { type Command, InvalidArgumentError } from 'commander';
import type { FaultName, Sandbox } from '../../sandbox/index.ts';
import { inFull } from '../cli-error.ts';
import { faultOption } from '../fault-option.ts';
import { withExample } from '../options.ts';
import { print } from '../view/output.ts';

/** Where runbooks/recommendation.yaml looks for the sandbox. */
const PORTS = { router: 18080, control: 18081, postgres: 15432, prometheus: 19090 };

interface SandboxCommandOptions {
  readonly fault?: FaultName;
  readonly rate: number;
  readonly directory?: string;
  readonly withoutPitfalls?: true;
  readonly freePorts?: true;
}

export function addSandbox(command: Command): void {
  command
    .addOption(faultOption('the fault to inject when a new version has 50 % of the traffic'))
    .option('--rate <requests>', 'requests per second', wholeNumber, 40)
    .option('--directory <folder>', 'keep the data here (default: a temporary folder, removed at the end)')
    .option('--without-pitfalls', "start with enough connections and the new version's index in place")
    .option('--free-ports', `use any free ports instead of ${Object.values(PORTS).join(', ')}`)
    .action((options: SandboxCommandOptions) => runSandbox(options).catch(inFull));
  withExample(command, 'sandbox --without-pitfalls');
}

async function runSandbox(options: SandboxCommandOptions): Promise<void> {
  const { fault, rate, directory, withoutPitfalls, freePorts } = options;
  const { startSandbox } = await import('../../sandbox/index.ts');
  const stopAsked = stopSignal();
  print('Starting the sandbox (some seconds) ...');
  const starting = startSandbox({
    requestsPerSecond: rate,
    withoutPitfalls: withoutPitfalls === true,
    ...(freePorts ? {} : { ports: PORTS }),
    ...(directory === undefined ? {} : { directory }),
    ...(fault === undefined ? {} : { fault: { name: fault } }),
  });
  const running = await Promise.race([starting, stopAsked]);
  if (running) {
    print(introduction(running, options));
    await stopAsked;
  }
  print('Ending the sandbox ...');
  await running?.stop(); // while it still starts, the end of this process is what ends its parts
}

function stopSignal(): Promise<undefined> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve(undefined));
  });
}

function wholeNumber(text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError('Expected a whole number from 0 to 9999.');
  return Number(text);
}

function introduction(running: Sandbox, { rate, fault, withoutPitfalls }: SandboxCommandOptions): string {
  return `
recommendation 2.4.0 serves ${rate} requests a second${fault ? `; fault for a new version: ${fault}` : ''}

  service   ${running.routerUrl}/recommendations?user=7
  metrics   ${running.metricsUrl}
  health    ${running.healthUrl.replace('{version}', '2.4.0')}
  alerts    ${running.prometheusUrl ?? 'none: this machine has no prometheus and alertmanager on its PATH'}
  database  ${running.databaseUrl}
  staging   ${running.stagingUrl.replace('{version}', '2.5.0')}/recommendations?user=7
  audit     ${running.auditFile}
  logs      ${running.directory}/*.log  (load.log: what the customers see)

In another terminal, paste:

  export PATH="${running.binDirectory}:$PATH"
  export BLUEGREEN_SANDBOX=${running.controlUrl}
  export RECOMMENDATION_DATABASE_URL=${running.databaseUrl}
  export RECOMMENDATION_STAGING_DATABASE_URL=${running.env['RECOMMENDATION_STAGING_DATABASE_URL']}

and then, as in the guide:

  deploy --service recommendation --version 2.5.0
  shift-traffic --service recommendation --percentage 50
  traffic-status --service recommendation
  rollback --service recommendation
${withoutPitfalls ? '' : `\nAs the guide found it: connections are too few for two versions, and 2.5.0 is slow until its index is there:\n\n  set-max-connections --service recommendation --connections 40\n  psql "$RECOMMENDATION_DATABASE_URL" -c 'CREATE INDEX CONCURRENTLY interactions_item_created ON interactions (item_id, created_at DESC)'\n`}
Ctrl-C ends everything.`;
}
