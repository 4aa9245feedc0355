import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalServer, startLocalServer } from '../../../src/local-temporal/server.ts';
import { freePort } from '../../../src/sandbox/program.ts';

/** A Temporal server with its data in a file, to be killed. It comes back under the same address, with all it knew. */
export interface OwnServer {
  readonly address: string;
  /** SIGKILLs it; resolves when it is gone. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export async function startOwnServer(): Promise<OwnServer> {
  const scratch = await mkdtemp(join(tmpdir(), 'bluegreen-server-'));
  const port = await freePort();
  const begin = (): Promise<LocalServer> => startLocalServer({ dbFilename: join(scratch, 'temporal.db'), port });
  let server = await begin();
  return {
    address: server.address,
    kill: () => server.kill(),
    start: async () => {
      server = await begin();
    },
    stop: async () => {
      await server.stop();
      await rm(scratch, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
