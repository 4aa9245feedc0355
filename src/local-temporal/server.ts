import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { execa } from 'execa';
import { SEARCH_ATTRIBUTES } from '../domain/index.ts';
import { endGroup, recordTail, SUPERVISOR, signalGroup } from '../processes/index.ts';
import { errorCode } from '../util/index.ts';
import { resolveTemporalCli } from './temporal-cli.ts';

const HOST = '127.0.0.1';
const READY_WITHIN_MS = 30_000;
const ASK_EVERY_MS = 50;

export interface LocalServerOptions {
  /** The file that keeps everything over restarts; without it, all is lost when the server stops. */
  readonly dbFilename?: string;
  readonly ui?: boolean;
  /** Free ones are chosen by default. */
  readonly port?: number;
  readonly uiPort?: number;
  readonly namespace?: string;
  readonly notice?: (line: string) => void;
}

export interface LocalServer {
  readonly address: string;
  readonly uiUrl?: string;
  /** Resolves with the last words of a server that ends without having been asked to. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
  /** Ends it without a chance to end in order, as a machine that dies does. */
  kill(): Promise<void>;
}

/**
 * A Temporal server of our own on this machine, with the search attributes registered, ready when this returns. It ends
 * with this process, also when that is killed.
 * @throws Error when a port is taken, or the server does not get ready: with its last words.
 */
export async function startLocalServer(options: LocalServerOptions = {}): Promise<LocalServer> {
  const { dbFilename, ui = false, namespace = 'default', notice } = options;
  const cli = await resolveTemporalCli(notice ? { notice } : {});
  const port = await freePort(options.port, '--port');
  const uiPort = ui ? await freePort(options.uiPort, '--ui-port') : undefined;
  if (dbFilename !== undefined) await mkdir(dirname(dbFilename), { recursive: true });

  const args = ['server', 'start-dev', '--ip', HOST, '--port', String(port), '--namespace', namespace];
  args.push(...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)]));
  if (dbFilename !== undefined) args.push('--db-filename', dbFilename);
  for (const name of SEARCH_ATTRIBUTES) args.push('--search-attribute', `${name}=Keyword`);
  const child = execa('/bin/sh', ['-c', SUPERVISOR, 'bluegreen', cli, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
    buffer: false,
    reject: false,
  });
  child.stdio[3].resume();
  const said = recordTail(process.env);
  said.listenTo(child.stdout);
  said.listenTo(child.stderr);
  const ended = child.then(() => said.text());
  const stop = async () => {
    if (child.pid !== undefined) await endGroup(child.pid);
    await child;
  };

  const kill = async () => {
    if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
    await child;
  };

  const address = `${HOST}:${port}`;
  const asking = new AbortController();
  try {
    await Promise.race([
      untilReady(address, namespace, asking.signal),
      ended.then((words) => {
        throw new Error(`The local Temporal server ended before it was ready. It said:\n${words}`);
      }),
    ]);
  } catch (error) {
    await stop();
    throw error;
  } finally {
    asking.abort();
  }
  return { address, ended, stop, kill, ...(uiPort === undefined ? {} : { uiUrl: `http://localhost:${uiPort}` }) };
}

async function untilReady(address: string, namespace: string, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (!signal.aborted) {
    // Not Connection.connect: when that fails it leaves a channel behind that nobody can close.
    const connection = Connection.lazy({ address, connectTimeout: 1_000 });
    try {
      await connection.ensureConnected();
      await connection.withDeadline(Date.now() + 2_000, () =>
        connection.workflowService.describeNamespace({ namespace }),
      );
      return;
    } catch (error) {
      if (Date.now() > deadline)
        throw new Error(`The local Temporal server did not answer within ${READY_WITHIN_MS} ms.`, { cause: error });
    } finally {
      await connection.close();
    }
    await delay(ASK_EVERY_MS);
  }
}

/** The port itself if it is free, or any free one. */
async function freePort(wanted: number | undefined, option: string): Promise<number> {
  const probe = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      probe.once('error', reject);
      probe.listen(wanted ?? 0, HOST, resolve);
    });
    const address = probe.address();
    if (typeof address !== 'object' || address === null) throw new Error('a listening server has an address');
    return address.port;
  } catch (error) {
    if (errorCode(error) !== 'EADDRINUSE') throw error;
    throw new Error(
      `Port ${wanted} is taken: perhaps another Temporal server runs there already. Stop it, or choose another port with ${option}.`,
      { cause: error },
    );
  } finally {
    await new Promise((resolve) => probe.close(resolve));
  }
}
