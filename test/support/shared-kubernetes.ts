import { mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Cluster, type ClusterAccess, startCluster } from './kubernetes-cluster.ts';

/** One cluster for all test files of a run: started for the first that asks, in the process that outlives them. */
export interface SharedKubernetes {
  /** Answers with its `ClusterAccess` as JSON. */
  readonly url: string;
  stop(): Promise<void>;
}

export async function offerKubernetes(scratch: string): Promise<SharedKubernetes> {
  const directory = await mkdtemp(join(scratch, 'kubernetes-'));
  let starting: Promise<Cluster> | undefined;
  const server = createServer((_, response) => {
    starting ??= startCluster(directory);
    starting.then(
      ({ kubeconfig, access, signingKey }) =>
        response.end(JSON.stringify({ kubeconfig, access, signingKey } satisfies ClusterAccess)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.close().closeAllConnections();
      await (await starting?.catch(() => undefined))?.stop();
    },
  };
}
