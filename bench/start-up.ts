import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { print } from '../src/cli/index.ts';
import { startLocalServer } from '../src/local-temporal/index.ts';
import { kept, median, row } from './table.ts';

const ROUNDS = 9;
const TARGET_MS = 500;
const SCRIPT = fileURLToPath(new URL('../scripts/bluegreen.ts', import.meta.url));
const FOLDER = fileURLToPath(new URL('..', import.meta.url));
const TYPESCRIPT = ['--import', import.meta.resolve('tsx')];

/** What people and scripts run often, and wait for. */
const COMMANDS = [
  ['--help'],
  ['completion', 'bash'],
  ['runbook', 'validate', 'runbooks/recommendation.yaml'],
  ['judge'],
  ['list'],
  ['history', '--service', 'nobody'],
  ['status', '--service', 'nobody'],
] as const;

/**
 * How long a command takes that has hardly anything to do. What counts is the fastest of the rounds, which neighbours on the
 * machine disturbed least; the rounds are interleaved, so that all have the same neighbours.
 */
export async function benchStartUp(): Promise<void> {
  const server = await startLocalServer();
  const rows = [
    { name: 'node', args: ['-e', '0'], times: new Array<number>() },
    { name: 'node with tsx', args: [...TYPESCRIPT, '-e', '0'], times: new Array<number>() },
    ...COMMANDS.map((words) => ({
      name: words.slice(0, 2).join(' '),
      args: [...TYPESCRIPT, SCRIPT, ...words],
      times: new Array<number>(),
    })),
  ];
  try {
    for (let round = 0; round < ROUNDS; round += 1)
      for (const { args, times } of rows) times.push(await timeOf(args, server.address));
  } finally {
    await server.stop();
  }
  const node = Math.min(...(rows[0]?.times ?? []));
  print(row('', 'fastest, ms', 'median, ms', 'times node', `under ${TARGET_MS} ms`));
  for (const { name, times } of rows) {
    const fastest = Math.min(...times);
    const cells = [fastest.toFixed(0), median(times).toFixed(0), (fastest / node).toFixed(1)];
    print(row(name, ...cells, kept(fastest < TARGET_MS)));
  }
}

async function timeOf(args: readonly string[], address: string): Promise<number> {
  const startedAt = performance.now();
  await execa(process.execPath, args, {
    cwd: FOLDER,
    env: { TEMPORAL_ADDRESS: address },
    stdin: 'ignore',
    reject: false, // status says that there is no such deployment
  });
  return performance.now() - startedAt;
}
