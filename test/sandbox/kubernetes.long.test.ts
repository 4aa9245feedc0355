import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Sandbox, startSandbox } from '../../src/sandbox/index.ts';
import type { KubernetesObject } from '../../src/sandbox/kubernetes/api.ts';
import { findKubernetes, KUBERNETES_VERSION } from '../../src/sandbox/kubernetes/find-kubernetes.ts';
import type { Route } from '../../src/sandbox/kubernetes/gateway.ts';
import { SHOP, VERSION_LABEL } from '../../src/sandbox/kubernetes/objects.ts';
import { describeOnKubernetes, useKubernetes, useOwnKubernetes } from '../support/kubernetes.ts';
import { eventually } from './support.ts';

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

describeOnKubernetes('a sandbox on Kubernetes', () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    const kubernetes = await findKubernetes(process.env);
    sandbox = await startSandbox({ kubernetes, staging: false, monitoring: false, withoutPitfalls: true, rows: 1_000 });
  });
  afterAll(() => sandbox.stop());

  const apps = `/apis/apps/v1/namespaces/${SHOP.namespace}/deployments`;
  const [blue, green] = SHOP.slots;
  const deploy = async (version: string, replicas = 2): Promise<void> => {
    await sandbox.kubernetes?.api.patch(
      `${apps}/${green}`,
      {
        spec: {
          replicas,
          template: {
            metadata: { labels: { [VERSION_LABEL]: version } },
            spec: { containers: [{ name: 'app', image: `${SHOP.image}:${version}` }] },
          },
        },
      },
      'strategic',
    );
  };
  const weigh = async (percentage: number): Promise<void> => {
    const backendRefs = [100 - percentage, percentage].map((weight, at) => ({
      name: [blue, green][at],
      port: 80,
      weight,
    }));
    await sandbox.kubernetes?.api.patch(
      `/apis/gateway.networking.k8s.io/v1/namespaces/${SHOP.namespace}/httproutes/${SHOP.route}`,
      { spec: { rules: [{ backendRefs }] } },
    );
  };
  const answered = async (version: string, code: string): Promise<number> => {
    const page = await (await fetch(sandbox.metricsUrl)).text();
    return Number(
      new RegExp(`^http_requests_total{version="${version}",code="${code}"} (.+)$`, 'm').exec(page)?.[1] ?? 0,
    );
  };

  test('serves real traffic with its pods, by the weights of the route', async () => {
    expect(sandbox.traffic()).toEqual({ '2.4.0': 100 });
    await deploy('2.5.0');
    await sandbox.kubernetes?.api.until<KubernetesObject<unknown, DeploymentStatus>>(
      `${apps}/${green}`,
      ({ status }) => status?.availableReplicas === 2,
    );
    await weigh(50);
    await eventually(async () => ((await answered('2.5.0', '200')) > 20 ? true : undefined), 'answers of green');
    expect(sandbox.traffic()).toEqual({ '2.4.0': 50, '2.5.0': 50 });
    await sandbox.disturb('2.5.0', { failingShare: 1 });
    await eventually(async () => ((await answered('2.5.0', '500')) > 5 ? true : undefined), 'failures of green');
    await deploy('2.5.0', 0);
    // Its share is refused as long as the route sends it there.
    await eventually(async () => ((await answered(green, '503')) > 0 ? true : undefined), 'refusals without a pod');
    await weigh(0);
    await eventually(async () => (sandbox.traffic()['2.4.0'] === 100 ? true : undefined), 'all traffic on blue');
  });

  test('pulls no image of a version that was never built', async () => {
    await deploy('9.9.9');
    type Found = { items: KubernetesObject<unknown, PodStatus>[] };
    await sandbox.kubernetes?.api.until<Found>(`/api/v1/namespaces/${SHOP.namespace}/pods`, ({ items }) =>
      items.some(({ status }) => status?.containerStatuses?.[0]?.state.waiting?.reason === 'ImagePullBackOff'),
    );
  });
});
