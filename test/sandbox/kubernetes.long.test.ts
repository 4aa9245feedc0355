import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import type { KubernetesObject } from '../../src/sandbox/kubernetes/api.ts';
import { KUBERNETES_VERSION } from '../../src/sandbox/kubernetes/find-kubernetes.ts';
import type { Route } from '../../src/sandbox/kubernetes/gateway.ts';
import { describeOnKubernetes, useKubernetes, useOwnKubernetes } from '../support/kubernetes.ts';

/** The control plane of the tests behaves as a cluster does, with the faults that tests of deployments need. */

interface DeploymentStatus {
  readonly availableReplicas?: number;
  readonly observedGeneration?: number;
}
interface PodStatus {
  readonly phase?: string;
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
  readonly containerStatuses?: readonly {
    readonly restartCount: number;
    readonly ready: boolean;
    readonly state: { readonly waiting?: { readonly reason: string; readonly message: string } };
    readonly lastState: { readonly terminated?: { readonly reason: string; readonly exitCode: number } };
  }[];
}
type Pods = { readonly items: readonly KubernetesObject<unknown, PodStatus>[] };

test('the script builds the version that is looked for', async () => {
  const module = await readFile('scripts/support/kubernetes/go.mod', 'utf8');
  expect(module).toContain(`k8s.io/kubernetes ${KUBERNETES_VERSION}\n`);
});

describeOnKubernetes('the control plane that tests share', () => {
  const { api, namespace } = useKubernetes();
  const deployments = (): string => `/apis/apps/v1/namespaces/${namespace()}/deployments`;
  const pods = (app: string): string => `/api/v1/namespaces/${namespace()}/pods?labelSelector=app%3D${app}`;
  const container = ({ items }: Pods) => items[0]?.status?.containerStatuses?.[0];

  async function deploy(name: string, image: string, replicas = 1): Promise<void> {
    const labels = { app: name };
    await api().post(deployments(), {
      metadata: { name },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'app', image }] } },
      },
    });
  }

  test('makes a Deployment available, gives its Service endpoints, and lets its pods go', async () => {
    await deploy('blue', 'shop/app:2.4.0', 2);
    await api().post(`/api/v1/namespaces/${namespace()}/services`, {
      metadata: { name: 'blue' },
      spec: { selector: { app: 'blue' }, ports: [{ port: 80 }] },
    });
    await api().until<KubernetesObject<unknown, DeploymentStatus>>(
      `${deployments()}/blue`,
      ({ status }) => status?.availableReplicas === 2,
    );
    type Slices = { items: { endpoints?: { conditions: { ready: boolean } }[] | null }[] };
    const ready = ({ items }: Slices): number =>
      items.flatMap(({ endpoints }) => endpoints ?? []).filter(({ conditions }) => conditions.ready).length;
    const slices = `/apis/discovery.k8s.io/v1/namespaces/${namespace()}/endpointslices`;
    await api().until<Slices>(slices, (found) => ready(found) === 2);
    await api().patch(`${deployments()}/blue`, { spec: { replicas: 0 } });
    await api().until<Pods>(pods('blue'), ({ items }) => items.length === 0);
    await api().until<Slices>(slices, (found) => ready(found) === 0);
  });

  test('says of pods what a kubelet says: image, crash, memory, probe, no room', async () => {
    await deploy('pull', 'shop/app:2.5.0-pull-error');
    await deploy('crash', 'shop/app:2.5.0-crash');
    await deploy('oom', 'shop/app:2.5.0-oom');
    await deploy('probe', 'shop/app:2.5.0-never-ready');
    await deploy('room', 'shop/app:2.5.0-unschedulable');
    await api().until<Pods>(pods('pull'), (found) => container(found)?.state.waiting?.reason === 'ImagePullBackOff');
    const crashed = await api().until<Pods>(pods('crash'), (found) => (container(found)?.restartCount ?? 0) >= 2);
    expect(container(crashed)?.lastState.terminated).toMatchObject({ exitCode: 1, reason: 'Error' });
    const killed = await api().until<Pods>(pods('oom'), (found) => (container(found)?.restartCount ?? 0) >= 1);
    expect(container(killed)?.lastState.terminated).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
    const unready = await api().until<Pods>(pods('probe'), ({ items }) => items[0]?.status?.phase === 'Running');
    expect(container(unready)?.ready).toBe(false);
    const waiting = await api().until<Pods>(pods('room'), ({ items }) => items[0]?.status?.conditions !== undefined);
    expect(waiting.items[0]?.status?.conditions?.[0]).toMatchObject({ type: 'PodScheduled', status: 'False' });
    type Events = { items: { reason: string }[] };
    const events = await api().get<Events>(`/api/v1/namespaces/${namespace()}/events`);
    const reasons = events.items.map(({ reason }) => reason);
    expect(reasons).toEqual(expect.arrayContaining(['Failed', 'BackOff', 'Unhealthy', 'FailedScheduling']));
  });
});

describeOnKubernetes("a control plane of a test file's own", () => {
  const { api, namespace, own } = useOwnKubernetes();

  test('accepts a route for its generation, also after the API server was killed', async () => {
    const group = `/apis/gateway.networking.k8s.io/v1/namespaces/${namespace()}`;
    const apiVersion = 'gateway.networking.k8s.io/v1';
    await api().post(`${group}/gateways`, {
      apiVersion,
      kind: 'Gateway',
      metadata: { name: 'edge' },
      spec: { gatewayClassName: 'sandbox', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
    });
    await api().post(`/api/v1/namespaces/${namespace()}/services`, {
      metadata: { name: 'blue' },
      spec: { ports: [{ port: 80 }] },
    });
    const rules = (weight: number) => [{ backendRefs: [{ name: 'blue', port: 80, weight }] }];
    await api().post(`${group}/httproutes`, {
      apiVersion,
      kind: 'HTTPRoute',
      metadata: { name: 'shop' },
      spec: { parentRefs: [{ name: 'edge' }], rules: rules(1) },
    });
    const isAccepted = ({ metadata, status }: Route): boolean =>
      status?.parents[0]?.conditions.every(
        (one) => one.status === 'True' && one.observedGeneration === metadata.generation,
      ) ?? false;
    await api().until<Route>(`${group}/httproutes/shop`, isAccepted);
    await own().killApiServer();
    await expect(api().get(`${group}/httproutes/shop`)).rejects.toThrow();
    await own().startApiServer();
    await api().patch(`${group}/httproutes/shop`, { spec: { rules: rules(2) } });
    const accepted = await api().until<Route>(`${group}/httproutes/shop`, isAccepted);
    expect(accepted.metadata.generation).toBe(2);
  });
});
