import { parseArgs } from 'node:util';
import { print, printError } from '../src/cli/index.ts';
import { benchArgoRollouts } from './argo-rollouts.ts';
import { benchCluster } from './cluster.ts';
import { benchCost } from './cost.ts';
import { benchCostKubernetes } from './cost-kubernetes.ts';
import { judgeLines, measureJudge } from './judge.ts';
import { benchCompare } from './judge-compare.ts';
import { benchLoss } from './loss.ts';
import { benchRecovery } from './recovery.ts';
import { benchScale } from './scale.ts';
import { benchStartUp } from './start-up.ts';
import { benchCalm, benchSpeed } from './watch.ts';
import { benchDeployments } from './whole.ts';

interface Options {
  /** How many deployments the parts `argo-rollouts`, `cluster`, `cost` and `cost-kubernetes` start. */
  readonly deployments?: number | undefined;
}

/**
 * `npm run bench [-- PART... [--deployments N]]`. Machines differ: what it prints is for comparing within one run, and with the targets.
 * Without a part it is `deployments`; docs/benchmarks.md says what each part measures and how long it takes.
 */
const PARTS: Readonly<Record<string, (options: Options) => Promise<void>>> = {
  deployments: benchDeployments,
  recovery: benchRecovery,
  judge: benchJudge,
  speed: () => benchSpeed(),
  'speed-1s': () => benchSpeed(['1s']),
  'speed-5s': () => benchSpeed(['5s']),
  calm: () => benchCalm(),
  'calm-1s': () => benchCalm(['1s']),
  'calm-5s': () => benchCalm(['5s']),
  'argo-rollouts': ({ deployments = 100 }) => benchArgoRollouts(deployments),
  cluster: ({ deployments = 1_000 }) => benchCluster(deployments),
  cost: ({ deployments = 100 }) => benchCost(deployments),
  'cost-kubernetes': ({ deployments = 100 }) => benchCostKubernetes(deployments),
  loss: benchLoss,
  scale: benchScale,
  'start-up': benchStartUp,
};

async function benchJudge(): Promise<void> {
  for (const line of judgeLines(measureJudge())) print(line);
}

function partOf(name: string): (options: Options) => Promise<void> {
  const revision = /^compare:(.+)$/.exec(name)?.[1];
  if (revision !== undefined) return () => benchCompare(revision);
  const part = PARTS[name];
  if (!part) throw new Error(`there is no part ${name}, there are ${Object.keys(PARTS).join(', ')}, compare:REVISION`);
  return part;
}

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { deployments: { type: 'string' } },
  });
  const deployments = values.deployments === undefined ? undefined : Number(values.deployments);
  if (deployments !== undefined && !(Number.isInteger(deployments) && deployments > 0))
    throw new Error(`--deployments is ${values.deployments}, expected a number such as 300`);
  for (const part of (positionals.length > 0 ? positionals : ['deployments']).map(partOf)) await part({ deployments });
}

// What a part has started ends with this process, also when it is stopped.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
try {
  await main(process.argv.slice(2));
} catch (error) {
  printError(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
process.exit(); // a connection may still wait for something
