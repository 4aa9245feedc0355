import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { KubernetesApi } from '../../src/sandbox/kubernetes/api.ts';
import type { Route } from '../../src/sandbox/kubernetes/gateway.ts';
import { createObjects, type Shop } from '../../src/sandbox/kubernetes/objects.ts';
import { type LittleProduction, startLittleProduction } from './little-production.ts';
import { PATIENCE_MS } from './patience.ts';
import { observe, start, type TestDeployment, uniqueService } from './temporal.ts';
import { startWorkerProcess } from './worker-process.ts';

/** A deployment on Kubernetes by a worker of its own, in a namespace of its own; the metrics follow the weights of its route. */
export interface KubernetesDeployment extends TestDeployment {
  readonly shop: Shop;
  readonly production: LittleProduction;
  /** Those of blue and green. */
  weights(): Promise<readonly (number | undefined)[]>;
  /** What Kubernetes wants of green. */
  greenReplicas(): Promise<number | undefined>;
  readonly routePath: string;
  close(): Promise<void>;
}

export interface KubernetesDeploymentOptions {
  readonly client: Client;
  /** Of the administrator. */
  readonly api: KubernetesApi;
  /** Of the worker. */
  readonly kubeconfig: string;
  readonly version?: string;
  /** Of the runbook. */
  readonly changes?: Record<string, unknown>;
  /** Before the deployment starts. */
  readonly prepare?: (scene: { readonly shop: Shop; readonly production: LittleProduction }) => Promise<void> | void;
}

const BLUE_REPLICAS = 2;
export const GREEN = '2.5.0';

export async function startKubernetesDeployment(options: KubernetesDeploymentOptions): Promise<KubernetesDeployment> {
  const { client, api, kubeconfig, version = GREEN, changes = {} } = options;
  const service = uniqueService();
  const shop: Shop = {
    namespace: service,
    slots: [`${service}-blue`, `${service}-green`],
    route: service,
    image: `registry.example.com/${service}`,
  };
  const [blue, green] = shop.slots;
  await createObjects(api, shop);
  const production = await startLittleProduction(service, {
    workload: {
      kind: 'kubernetes',
      deploy: undefined,
      health: undefined,
      cluster: { kubeconfig },
      namespace: shop.namespace,
      slots: { [blue]: {}, [green]: {} },
      image: `${shop.image}:{version}`,
      drain: '1s',
    },
    router: {
      kind: 'http-route',
      shiftTraffic: undefined,
      rollback: undefined,
      status: undefined,
      routes: [shop.route],
    },
    ...changes,
  });
  const routePath = `/apis/gateway.networking.k8s.io/v1/namespaces/${shop.namespace}/httproutes/${shop.route}`;
  const greenPath = `/apis/apps/v1/namespaces/${shop.namespace}/deployments/${green}`;
  const weightsOf = ({ spec }: Route) => spec?.rules?.[0]?.backendRefs?.map(({ weight }) => weight) ?? [];
  const following = new AbortController();
  api.follow<Route>({
    path: `/apis/gateway.networking.k8s.io/v1/namespaces/${shop.namespace}/httproutes`,
    signal: following.signal,
    onChange([route]) {
      const [blueWeight = 0, greenWeight = 0] = route ? weightsOf(route) : [];
      if (blueWeight + greenWeight > 0) production.move((100 * greenWeight) / (blueWeight + greenWeight));
    },
  });
  await options.prepare?.({ shop, production });
  const available = ({ status }: { status?: { availableReplicas?: number } }): boolean =>
    status?.availableReplicas === BLUE_REPLICAS;
  await api.until(`/apis/apps/v1/namespaces/${shop.namespace}/deployments/${blue}`, available);
  const taskQueue = `kubernetes-${randomUUID()}`;
  const worker = startWorkerProcess(taskQueue, production.env);
  const handle = await start(client, taskQueue, { service, version });
  return {
    ...observe(handle, PATIENCE_MS),
    shop,
    production,
    routePath,
    weights: async () => weightsOf(await api.get<Route>(routePath)),
    greenReplicas: async () => (await api.get<{ spec: { replicas?: number } }>(greenPath)).spec.replicas,
    async close() {
      await handle.terminate('the test is over').catch(() => {});
      await worker.kill('SIGKILL');
      following.abort();
      await production.stop();
      await api.delete(`/api/v1/namespaces/${shop.namespace}`);
    },
  };
}
