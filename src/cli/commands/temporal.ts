import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { inFull } from '../cli-error.ts';
import { withExample } from '../options.ts';
import { print } from '../view/output.ts';

interface TemporalOptions {
  readonly db: string;
  readonly port: number;
  readonly uiPort: number;
}

const DEFAULT_PORT = 7233;
const DEFAULT_UI_PORT = 8233;

export function addTemporal(command: Command): void {
  const data = process.env['XDG_DATA_HOME'] || join(homedir(), '.local', 'share');
  command
    .option('--db <file>', 'the database file, kept over restarts', join(data, 'bluegreen', 'temporal.db'))
    .option('--port <number>', 'port for clients and workers', portNumber, DEFAULT_PORT)
    .option('--ui-port <number>', 'port of the UI', portNumber, DEFAULT_UI_PORT)
    .action((options: TemporalOptions) => temporal(options).catch(inFull));
  withExample(command, 'temporal --port 7244 --ui-port 8244');
}

async function temporal({ db, port, uiPort }: TemporalOptions): Promise<void> {
  const { startLocalServer } = await import('../../local-temporal/index.ts');
  const server = await startLocalServer({ dbFilename: db, ui: true, port, uiPort, notice: print });
  print(`Temporal runs at ${server.address}  (Ctrl-C stops it)`);
  print(`  UI    ${server.uiUrl}`);
  print(`  data  ${db}`);
  if (port !== DEFAULT_PORT) print(`  to use it, set TEMPORAL_ADDRESS=${server.address}`);
  if (uiPort !== DEFAULT_UI_PORT) print(`  for bluegreen link, set TEMPORAL_UI_ADDRESS=${server.uiUrl}`);

  let asked = false;
  const stop = (): void => {
    asked = true;
    void server.stop();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const words = await server.ended;
  if (!asked) throw new Error(`The Temporal server ended unexpectedly. Its output:\n${words}`);
  print('Temporal is stopped.');
}

function portNumber(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new InvalidArgumentError('Expected a port from 1 to 65535.');
  return port;
}
