import { beforeEach, describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { routerConformance } from '../../src/testing/index.ts';
import { until } from '../checks/support/context.ts';
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
import { useKubernetesDoors } from './kubernetes-doors.ts';

describeOnKubernetes('routers for Kubernetes', () => {
  const scene = useKubernetes();
  const { api, kubeconfig, namespace } = scene;
  const doors = useKubernetesDoors(scene);

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
      const stranger = await doors.refusing();
      const found = await open(stranger).preflight?.(idle());
      expect(found?.problems.map((problem) => problem.found)).toEqual([
        expect.stringMatching(/^the worker \(system:serviceaccount:.*:default\) may not get, patch /),
      ]);
      const [, yaml = ''] = found?.problems[0]?.unblock.split('kubectl apply -f -:\n') ?? [];
      const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace()}`;
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
      for (const document of parseAllDocuments(yaml)) {
        const object = document.toJS() as { kind: string };
        await api().post(`${rbac}/${object.kind.toLowerCase()}s`, object);
      }
      // The API server sees a new Role a moment later, and in their order.
      await until(async () => (await open(stranger).preflight?.(idle()))?.problems.length === 0);
      await open(stranger).setTraffic(newOperation(), 100, idle());
      expect(await open(stranger).readTraffic(idle())).toEqual({ [BLUE]: 0, [GREEN]: 100 });
    });

    conform(
      `router of kind ${kind}`,
      routerConformance({
        working: () => open(kubeconfig()),
        refusing: async () => open(await doors.refusing()),
        hanging: async () => open(await doors.hanging()),
        blue: BLUE,
        green: GREEN,
        secrets: ['sandbox-administrator', '127.0.0.1'],
        running: doors.openSockets,
        ...(kind === 'service' && { percentages: [100, 0] as const }),
      }),
    );
  });
});
