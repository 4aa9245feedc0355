import { expect, test } from '@jest/globals';
import { describeOnKubernetes, useOwnKubernetes } from '../support/kubernetes.ts';
import { createSlots } from '../support/kubernetes-slots.ts';
import { BLUE, GREEN, idle, openRouter } from './kubernetes-scene.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

describeOnKubernetes('kinds of routes that the API server does not serve', () => {
  const { api, kubeconfig, namespace } = useOwnKubernetes();
  const problems = async (kind: string) => {
    const router = openRouter({ kubeconfig: kubeconfig(), namespace: namespace(), router: { kind, routes: ['rec'] } });
    const { problems: found = [] } = (await router.preflight?.(idle())) ?? {};
    return found.map((problem) => problem.found);
  };

  test('are named, with the versions that it serves', async () => {
    await createSlots(api(), namespace(), [BLUE, GREEN]);
    expect(await problems('virtual-service')).toEqual([
      expect.stringMatching(/^there is no VirtualService .*rec: correct router.routes/),
    ]);

    const path = `${DEFINITIONS}/virtualservices.networking.istio.io`;
    const { spec } = await api().get<{ spec: { versions: { name: string }[] } }>(path);
    await api().patch(path, {
      spec: { versions: spec.versions.map((version) => ({ ...version, served: version.name === 'v1beta1' })) },
    });
    await api().until('/apis/networking.istio.io', ({ versions }: { versions?: unknown[] }) => versions?.length === 1);
    expect(await problems('virtual-service')).toEqual([
      'the cluster knows no VirtualService of networking.istio.io/v1, only of networking.istio.io/v1beta1: install Istio 1.22 or later, or correct router.kind',
    ]);

    await api().delete(`${DEFINITIONS}/grpcroutes.gateway.networking.k8s.io`);
    await api().until('/apis/gateway.networking.k8s.io/v1', ({ resources }: { resources: { name: string }[] }) =>
      resources.every(({ name }) => name !== 'grpcroutes'),
    );
    expect(await problems('grpc-route')).toEqual([
      'the cluster knows no GRPCRoute of gateway.networking.k8s.io/v1: install the Gateway API 1.1 or later, or correct router.kind',
    ]);
  });
});
