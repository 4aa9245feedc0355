import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import type { useKubernetes } from '../support/kubernetes.ts';

interface KubernetesDoors {
  /** A kubeconfig whose account may do nothing. */
  refusing(): Promise<string>;
  /** A kubeconfig of a server that takes connections and never answers. */
  hanging(): Promise<string>;
  /** How many connections to that server are open, once those that the client closed are closed here too. */
  openSockets(): Promise<number>;
}

/** The ways to a cluster that do not work. Call it inside of `describe`. */
export function useKubernetesDoors({
  api,
  cluster,
  kubeconfig,
  namespace,
}: ReturnType<typeof useKubernetes>): KubernetesDoors {
  let folder: string;
  let silent: Server;
  const sockets = new Set<Socket>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bluegreen-doors-'));
    silent = createServer((socket) => {
      sockets.add(socket.resume());
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    silent.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** The administrator's kubeconfig with another server or token. */
  async function kubeconfigWith(changed: { readonly server?: string; readonly token?: string }): Promise<string> {
    const path = join(folder, `${namespace()}-${Object.keys(changed).join()}`);
    const { server, token } = { ...cluster().access, ...changed };
    const text = await readFile(kubeconfig(), 'utf8');
    await writeFile(path, text.replace(cluster().access.server, server).replace(cluster().access.token, token));
    return path;
  }

  return {
    async refusing() {
      const path = `/api/v1/namespaces/${namespace()}/serviceaccounts/default/token`;
      const answer = await api().post<{ status: { token: string } }>(path, { spec: { expirationSeconds: 600 } });
      return kubeconfigWith({ token: answer.status.token });
    },
    async hanging() {
      const address = silent.address();
      const port = typeof address === 'object' ? address?.port : undefined;
      return kubeconfigWith({ server: `https://127.0.0.1:${port}` });
    },
    async openSockets() {
      const until = Date.now() + 2_000;
      while (sockets.size > 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
      return sockets.size;
    },
  };
}
