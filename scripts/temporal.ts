import { homedir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { startLocalServer } from './support/local-server.ts';

/** `npm run temporal`: a Temporal server on this machine whose deployments outlive it, and its UI. */
const DB = join(process.env['XDG_DATA_HOME'] || join(homedir(), '.local', 'share'), 'bluegreen', 'temporal.db');

interface Options {
  readonly db: string;
  readonly port: number;
  readonly uiPort: number;
}

const program = new Command('npm run temporal --')
  .description(
    'Runs a local Temporal server with its UI until Ctrl-C. For development: a real one is set by TEMPORAL_ADDRESS.',
  )
  .option('--db <file>', 'the file that keeps everything over restarts', DB)
  .option('--port <number>', 'port for clients and workers', parsePort, 7233)
  .option('--ui-port <number>', 'port of the UI', parsePort, 8233)
  .action(run);

async function run({ db, port, uiPort }: Options): Promise<void> {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const server = await startLocalServer({ dbFilename: db, ui: true, port, uiPort, notice: say });
  say(`Temporal runs at ${server.address}  (Ctrl-C stops it)`);
  say(`  UI    ${server.uiUrl}`);
  say(`  data  ${db}`);
  if (port !== 7233) say(`  others find it with TEMPORAL_ADDRESS=${server.address}`);

  let asked = false;
  const stop = () => {
    asked = true;
    void server.stop();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const words = await server.ended;
  if (!asked) throw new Error(`The Temporal server ended by itself. It said:\n${words}`);
  say('Temporal is stopped.');
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new InvalidArgumentError('Expected a port from 1 to 65535.');
  return port;
}

program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
