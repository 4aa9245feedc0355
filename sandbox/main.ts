import process from 'node:process';
import { Command, InvalidArgumentError, Option } from 'commander';
import { messageOf } from './child.ts';
import { FAULT_NAMES, type FaultName } from './faults.ts';
import { type Sandbox, startSandbox } from './sandbox.ts';

/** `npm run sandbox`: the little production alone, to use the guide's commands by hand. */

const PORTS = { router: 18080, control: 18081, postgres: 15432, prometheus: 19090 };

const program = new Command('npm run sandbox --')
  .description('Runs the sandbox until Ctrl-C: a database, the recommendation service, a router, and load.')
  .addOption(new Option('--fault <name>', 'goes wrong once a new version has 50 % of the traffic').choices(FAULT_NAMES))
  .option('--rate <requests>', 'requests per second', wholeNumber, 40)
  .option('--directory <folder>', 'keeps the data here; without it, a temporary folder is used and removed')
  .option('--without-pitfalls', "start with enough connections and the new version's index in place")
  .option('--free-ports', `use any free ports instead of ${Object.values(PORTS).join(', ')}`)
  .parse();

const { fault, rate, directory, withoutPitfalls, freePorts } = program.opts<{
  fault?: FaultName;
  rate: number;
  directory?: string;
  withoutPitfalls?: true;
  freePorts?: true;
}>();

let ended = false;
const end = (): void => {
  if (ended) return;
  ended = true;
  console.log('Ending the sandbox ...');
  // While it still starts, the end of this process is what ends its parts.
  Promise.resolve(running?.stop()).then(
    () => process.exit(0),
    (error: unknown) => fail(error),
  );
};
let running: Sandbox | undefined;
process.on('SIGINT', end);
process.on('SIGTERM', end);
process.on('SIGHUP', end);

try {
  console.log('Starting the sandbox (some seconds) ...');
  running = await startSandbox({
    requestsPerSecond: rate,
    withoutPitfalls: withoutPitfalls === true,
    ...(freePorts ? {} : { ports: PORTS }),
    ...(directory === undefined ? {} : { directory }),
    ...(fault === undefined ? {} : { fault: { name: fault } }),
  });
  console.log(introduction(running));
} catch (error) {
  fail(error);
}

function fail(error: unknown): void {
  console.error(messageOf(error));
  process.exit(1);
}

function wholeNumber(text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError('expected a whole number from 0 to 9999');
  return Number(text);
}

function introduction(sandbox: Sandbox): string {
  return `
recommendation 2.4.0 serves ${rate} requests a second${fault ? `; a new version will meet: ${fault}` : ''}

  service   ${sandbox.routerUrl}/recommendations?user=7
  metrics   ${sandbox.metricsUrl}
  health    ${sandbox.healthUrl.replace('{version}', '2.4.0')}
  alerts    ${sandbox.prometheusUrl ?? 'none: this machine has no prometheus and alertmanager on its PATH'}
  database  ${sandbox.databaseUrl}
  staging   ${sandbox.stagingUrl.replace('{version}', '2.5.0')}/recommendations?user=7
  audit     ${sandbox.auditFile}
  logs      ${sandbox.directory}/*.log  (load.log: what the customers see)

In another terminal, paste:

  export PATH="${sandbox.binDirectory}:$PATH"
  export BLUEGREEN_SANDBOX=${sandbox.controlUrl}
  export RECOMMENDATION_DATABASE_URL=${sandbox.databaseUrl}
  export RECOMMENDATION_STAGING_DATABASE_URL=${sandbox.env['RECOMMENDATION_STAGING_DATABASE_URL']}

and then, as in the guide:

  deploy --service recommendation --version 2.5.0
  shift-traffic --service recommendation --percentage 50
  traffic-status --service recommendation
  rollback --service recommendation
${withoutPitfalls ? '' : `\nAs the guide found it: connections are too few for two versions, and 2.5.0 is slow until its index is there:\n\n  set-max-connections --service recommendation --connections 40\n  psql "$RECOMMENDATION_DATABASE_URL" -c 'CREATE INDEX CONCURRENTLY interactions_item_created ON interactions (item_id, created_at DESC)'\n`}
Ctrl-C ends everything.`;
}
