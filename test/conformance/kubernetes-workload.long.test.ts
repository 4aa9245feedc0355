import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import type { Workload } from '../../src/plugin/index.ts';
import { workloadConformance } from '../../src/testing/index.ts';
import { describeOnKubernetes, useKubernetes } from '../support/kubernetes.ts';
import { createGateway, createRoute, createSlots } from '../support/kubernetes-slots.ts';
import { BLUE, GREEN, healthOf, openWorkload } from '../workloads/kubernetes/scene.ts';
import { conform } from './conform.ts';

describeOnKubernetes('workload for Kubernetes', () => {
  const { api, cluster, kubeconfig, namespace } = useKubernetes();
  let folder: string;
  let silent: Server;
  const sockets = new Set<Socket>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bluegreen-workload-'));
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
  beforeEach(async () => {
    await createSlots(api(), namespace(), [BLUE, '2.3.0']);
    await createGateway(api(), namespace());
    await createRoute(api(), namespace(), { kind: 'http-route' });
  });

  const open = (path: string) => openWorkload({ kubeconfig: path, namespace: namespace() });

  /** The administrator's kubeconfig with another server or token. */
  async function kubeconfigWith(changed: { readonly server?: string; readonly token?: string }): Promise<string> {
    const path = join(folder, `${namespace()}-${Object.keys(changed).join()}`);
    const { server, token } = { ...cluster().access, ...changed };
    const text = await readFile(kubeconfig(), 'utf8');
    await writeFile(path, text.replace(cluster().access.server, server).replace(cluster().access.token, token));
    return path;
  }

  /** A service account that may do nothing. */
  async function strangerToken(): Promise<string> {
    const path = `/api/v1/namespaces/${namespace()}/serviceaccounts/default/token`;
    const answer = await api().post<{ status: { token: string } }>(path, { spec: { expirationSeconds: 600 } });
    return answer.status.token;
  }

  /** A connection that the client has closed is closed here a moment later. */
  async function openSockets(): Promise<number> {
    const until = Date.now() + 2_000;
    while (sockets.size > 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
    return sockets.size;
  }

  /** The suite asks for the health right after the deployment; a cluster takes a moment. */
  const patient = (workload: Workload): Workload => ({
    ...workload,
    async deploy(operation, run) {
      const evidence = await workload.deploy(operation, run);
      await healthOf(workload, GREEN);
      return evidence;
    },
  });

  conform(
    'workload of kind kubernetes',
    workloadConformance({
      working: () => patient(open(kubeconfig())),
      refusing: async () => open(await kubeconfigWith({ token: await strangerToken() })),
      hanging: async () => {
        const address = silent.address();
        const port = typeof address === 'object' ? address?.port : 0;
        return open(await kubeconfigWith({ server: `https://127.0.0.1:${port}` }));
      },
      green: GREEN,
      absent: '9.9.9',
      secrets: ['sandbox-administrator', '127.0.0.1'],
      running: openSockets,
    }),
  );
});
