import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { endGroup, recordTail, SUPERVISOR, signalGroup } from '../processes/index.ts';

/** Somebody else's program that runs in the background; it ends with this process, also when that is killed. */
export interface Program {
  readonly url: string;
  /** `127.0.0.1:9090` */
  readonly address: string;
  stop(): Promise<void>;
  /** Ends it at once, with nothing finished: SIGKILL. */
  kill(): Promise<void>;
}

export interface ProgramOptions {
  readonly program: string;
  /** Its folder. */
  readonly directory: string;
  /** 0: any free one. */
  readonly port: number;
  /** What it has to be started with to listen at this address. */
  readonly args: (address: string) => Promise<readonly string[]> | readonly string[];
  /** Answers with success once it works: `/-/ready`. Or a function that finds out. */
  readonly readyPath: string | ((address: string) => Promise<boolean>);
}

const TRIES = 3;
const READY_WITHIN_MS = 120_000; // only ends what hangs: an API server takes a minute on a busy machine

/** Starts it and waits until it works. @throws with its own words when it does not. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const { program, directory, port, args, readyPath } = options;
  for (let attempt = 1; ; attempt += 1) {
    const address = `127.0.0.1:${port === 0 ? await freePort() : port}`;
    const child = execa('/bin/sh', ['-c', SUPERVISOR, 'bluegreen', program, ...(await args(address))], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      cwd: directory,
      detached: true,
      buffer: false,
      reject: false,
    });
    child.stdio[3].resume();
    const said = recordTail({});
    said.listenTo(child.stdout);
    said.listenTo(child.stderr);
    const ended = new AbortController();
    const end = child.finally(() => ended.abort());
    const stop = async (): Promise<void> => {
      if (child.pid !== undefined) await endGroup(child.pid);
      await end;
    };
    const kill = async (): Promise<void> => {
      if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
      await end;
    };
    const isReady = async (): Promise<boolean> =>
      typeof readyPath === 'string' ? (await fetch(`http://${address}${readyPath}`)).ok : readyPath(address);
    const deadline = Date.now() + READY_WITHIN_MS;
    while (!ended.signal.aborted && Date.now() < deadline) {
      const ready = await isReady().catch(() => false);
      if (ready && !ended.signal.aborted) return { url: `http://${address}`, address, stop, kill };
      await delay(50);
    }
    await stop();
    // Somebody else may have taken the port between finding and using it.
    if (port !== 0 || attempt === TRIES || !said.text().includes('address already in use'))
      throw new Error(`${program} did not get ready. It said:\n${said.text()}`);
  }
}

export const freePort = (): Promise<number> => listenOnce(0);

/** Listens for a moment. @returns the port. */
export function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : port));
    });
  });
}
