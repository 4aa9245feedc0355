import { FIRST_VERSION, SERVICE } from '../service.ts';
import type { KubernetesApi } from './api.ts';

/** What a team has on its cluster before its first deployment: two slots that take turns, and a route with weights. */

export interface Shop {
  readonly namespace: string;
  /** Each a Deployment and a Service; the first has all traffic. */
  readonly slots: readonly [string, string];
  /** An HTTPRoute. */
  readonly route: string;
  /** Without a tag. */
  readonly image: string;
}

export const SHOP: Shop = {
  namespace: 'shop',
  slots: [`${SERVICE}-blue`, `${SERVICE}-green`],
  route: SERVICE,
  image: `registry.example.com/${SERVICE}`,
};
export const VERSION_LABEL = 'app.kubernetes.io/version';
const REPLICAS = 2;
const GATEWAY = 'gateway.networking.k8s.io/v1';
/** What ran in the other slot before; nobody calls it any more. */
const VERSION_BEFORE = '2.3.0';

/** In a namespace of its own. */
export async function createObjects(api: KubernetesApi, shop: Shop): Promise<void> {
  const { namespace } = shop;
  const [blue, green] = shop.slots;
  await api.post('/api/v1/namespaces', { metadata: { name: namespace } });
  await api.until(`/api/v1/namespaces/${namespace}/serviceaccounts/default`); // pods need it
  await createSlot(api, shop, { slot: blue, version: FIRST_VERSION, replicas: REPLICAS });
  await createSlot(api, shop, { slot: green, version: VERSION_BEFORE, replicas: 0 });
  await api.post(`/apis/${GATEWAY}/namespaces/${namespace}/gateways`, {
    apiVersion: GATEWAY,
    kind: 'Gateway',
    metadata: { name: 'edge' },
    spec: { gatewayClassName: 'sandbox', listeners: [{ name: 'http', protocol: 'HTTP', port: 80 }] },
  });
  await api.post(`/apis/${GATEWAY}/namespaces/${namespace}/httproutes`, {
    apiVersion: GATEWAY,
    kind: 'HTTPRoute',
    metadata: { name: shop.route },
    spec: {
      parentRefs: [{ name: 'edge' }],
      hostnames: [`${shop.route}.example.com`],
      rules: [
        {
          backendRefs: [
            { name: blue, port: 80, weight: 100 },
            { name: green, port: 80, weight: 0 },
          ],
        },
      ],
    },
  });
}

async function createSlot(
  api: KubernetesApi,
  { namespace, route, image }: Shop,
  { slot, version, replicas }: { readonly slot: string; readonly version: string; readonly replicas: number },
): Promise<void> {
  const selector = { 'app.kubernetes.io/name': route, 'app.kubernetes.io/instance': slot };
  await api.post(`/apis/apps/v1/namespaces/${namespace}/deployments`, {
    metadata: { name: slot, labels: selector },
    spec: {
      replicas,
      selector: { matchLabels: selector },
      template: {
        metadata: { labels: { ...selector, [VERSION_LABEL]: version } },
        spec: {
          containers: [
            {
              name: 'app',
              image: `${image}:${version}`,
              ports: [{ name: 'http', containerPort: 8080 }],
              readinessProbe: { httpGet: { path: '/healthz', port: 'http' } },
              // The gateway stops sending to a pod a moment after it began to end.
              lifecycle: { preStop: { sleep: { seconds: 1 } } },
            },
          ],
        },
      },
    },
  });
  await api.post(`/api/v1/namespaces/${namespace}/services`, {
    metadata: { name: slot, labels: selector },
    spec: { selector, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
  });
}
