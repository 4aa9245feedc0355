import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { routerConformance } from '../../src/testing/index.ts';
import { BLUE, GREEN, idle, newOperation, openRouter } from '../routers/kubernetes-scene.ts';
import { describeOnKubernetes, useKubernetes } from '../support/kubernetes.ts';
import {
  createGateway,
  createRoute,
  createService,
  createSlots,
  type RouteKindName,
} from '../support/kubernetes-slots.ts';
import { conform } from './conform.ts';

describeOnKubernetes('routers for Kubernetes', () => {
  const { api, cluster, kubeconfig, namespace } = useKubernetes();
  let folder: string;
  let silent: Server;
  const sockets = new Set<Socket>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bluegreen-routers-'));
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

  const kinds: readonly (RouteKindName | 'service')[] = ['http-route', 'grpc-route', 'virtual-service', 'service'];
  describe.each(kinds)('%s', (kind) => {
    beforeEach(async () => {
      await createSlots(api(), namespace(), [BLUE, GREEN]);
      await createGateway(api(), namespace());
      if (kind === 'service')
        await createService(api(), namespace(), { name: 'rec', selector: { app: 'rec', slot: 'rec-blue' } });
      else await createRoute(api(), namespace(), { kind });
    });
    const open = (path: string) =>
      openRouter({
        kubeconfig: path,
        namespace: namespace(),
        router: { kind, ...(kind === 'service' ? { service: 'rec' } : { routes: ['rec'] }) },
      });

    test('preflight prints the Role that is missing, and with it the router works', async () => {
      const stranger = await kubeconfigWith({ token: await strangerToken() });
      const found = await open(stranger).preflight?.(idle());
      expect(found?.problems.map((problem) => problem.found)).toEqual([
        expect.stringMatching(/^the worker \(system:serviceaccount:.*:default\) may not get, patch /),
      ]);
      const [, yaml = ''] = found?.problems[0]?.unblock.split('kubectl apply -f:\n') ?? [];
      const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace()}`;
      for (const document of parseAllDocuments(yaml)) {
        const object = document.toJS() as { kind: string };
        await api().post(`${rbac}/${object.kind.toLowerCase()}s`, object);
      }
      // The workload's own preflight asks for this one.
      await api().post(`${rbac}/roles`, {
        metadata: { name: 'workload' },
        rules: [{ apiGroups: ['apps'], resources: ['deployments'], verbs: ['get'] }],
      });
      await api().post(`${rbac}/rolebindings`, {
        metadata: { name: 'workload' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'workload' },
        subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: namespace() }],
      });
      expect((await open(stranger).preflight?.(idle()))?.problems).toEqual([]);
      await open(stranger).setTraffic(newOperation(), 100, idle());
      expect(await open(stranger).readTraffic(idle())).toEqual({ [BLUE]: 0, [GREEN]: 100 });
    });

    conform(
      `router of kind ${kind}`,
      routerConformance({
        working: () => open(kubeconfig()),
        refusing: async () => open(await kubeconfigWith({ token: await strangerToken() })),
        hanging: async () => {
          const address = silent.address();
          const port = typeof address === 'object' ? address?.port : 0;
          return open(await kubeconfigWith({ server: `https://127.0.0.1:${port}` }));
        },
        blue: BLUE,
        green: GREEN,
        secrets: ['sandbox-administrator', '127.0.0.1'],
        running: openSockets,
        ...(kind === 'service' && { percentages: [100, 0] as const }),
      }),
    );
  });
});
