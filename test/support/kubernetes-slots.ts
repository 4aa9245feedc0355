import type { KubernetesApi, KubernetesObject } from '../../src/sandbox/kubernetes/api.ts';

/** What a service that takes turns on Kubernetes needs: two slots, and what splits the traffic between them. */

export const SLOTS = ['rec-blue', 'rec-green'] as const;
const GATEWAY_API = 'gateway.networking.k8s.io/v1';

/** A Deployment and a Service for each slot, with these versions; resolves when all replicas are available. */
export async function createSlots(
  api: KubernetesApi,
  namespace: string,
  versions: readonly [blue: string, green: string],
  replicas = 1,
): Promise<void> {
  const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  for (const [index, slot] of SLOTS.entries()) {
    const labels = { app: 'rec', slot };
    await api.post(deployments, {
      metadata: { name: slot },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels: { ...labels, 'app.kubernetes.io/version': versions[index] } },
          spec: {
            containers: [{ name: 'app', image: `shop/rec:${versions[index]}`, ports: [{ containerPort: 8080 }] }],
          },
        },
      },
    });
    await createService(api, namespace, { name: slot, selector: labels });
  }
  type Available = KubernetesObject<unknown, { readonly availableReplicas?: number }>;
  for (const slot of SLOTS)
    await api.until<Available>(`${deployments}/${slot}`, ({ status }) => status?.availableReplicas === replicas);
}

export async function createService(
  api: KubernetesApi,
  namespace: string,
  { name, selector }: { readonly name: string; readonly selector: Readonly<Record<string, string>> },
): Promise<void> {
  await api.post(`/api/v1/namespaces/${namespace}/services`, {
    metadata: { name },
    spec: { selector, ports: [{ port: 80, targetPort: 8080 }] },
  });
}

export async function createGateway(api: KubernetesApi, namespace: string, name = 'edge'): Promise<void> {
  await api.post(`/apis/${GATEWAY_API}/namespaces/${namespace}/gateways`, {
    apiVersion: GATEWAY_API,
    kind: 'Gateway',
    metadata: { name },
    spec: { gatewayClassName: 'sandbox', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
  });
}

/** The kinds of routes, and how each writes the weights of the two slots. */
export const ROUTES = {
  'http-route': { apiVersion: GATEWAY_API, kind: 'HTTPRoute', plural: 'httproutes', rules: gatewayRules },
  'grpc-route': { apiVersion: GATEWAY_API, kind: 'GRPCRoute', plural: 'grpcroutes', rules: gatewayRules },
  'virtual-service': {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    plural: 'virtualservices',
    rules: (weights: Weights, extra: readonly object[] = []) => ({
      hosts: ['rec.example'],
      http: [
        {
          route: [
            ...weights.map((weight, index) => ({ destination: { host: SLOTS[index], port: { number: 80 } }, weight })),
            ...extra,
          ],
        },
      ],
    }),
  },
} as const;
export type RouteKindName = keyof typeof ROUTES;
export type Weights = readonly [blue: number, green: number];

function gatewayRules(weights: Weights, extra: readonly object[] = []): object {
  return {
    parentRefs: [{ name: 'edge' }],
    rules: [{ backendRefs: [...weights.map((weight, index) => ({ name: SLOTS[index], port: 80, weight })), ...extra] }],
  };
}

export function routePath(kind: RouteKindName, namespace: string, name = ''): string {
  const { apiVersion, plural } = ROUTES[kind];
  return `/apis/${apiVersion}/namespaces/${namespace}/${plural}${name === '' ? '' : `/${name}`}`;
}

/** A route of the kind. Without a spec of its own, all traffic is on blue. */
export async function createRoute(
  api: KubernetesApi,
  namespace: string,
  {
    kind,
    name = 'rec',
    ...given
  }: { readonly kind: RouteKindName; readonly name?: string; readonly spec?: object; readonly metadata?: object },
): Promise<void> {
  const { apiVersion, kind: objectKind, rules } = ROUTES[kind];
  await api.post(routePath(kind, namespace), {
    apiVersion,
    kind: objectKind,
    metadata: { name, ...given.metadata },
    spec: given.spec ?? rules([100, 0]),
  });
}
