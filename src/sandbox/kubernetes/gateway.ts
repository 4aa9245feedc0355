import type { KubernetesApi, KubernetesObject } from './api.ts';
import { now } from './pod.ts';

/**
 * A stand-in for a Gateway's controller: says of every HTTPRoute and GRPCRoute at an existing Gateway whether it accepts this
 * generation. A route whose Gateway does not exist has no status, as without a controller.
 */

export type Route = KubernetesObject<RouteSpec, RouteStatus>;

interface RouteSpec {
  readonly parentRefs?: readonly ParentRef[];
  readonly rules?: readonly { readonly backendRefs?: readonly BackendRef[] }[];
}

interface ParentRef {
  readonly name: string;
  readonly namespace?: string;
}

interface BackendRef {
  readonly name: string;
  readonly namespace?: string;
  readonly port?: number;
  readonly weight?: number;
}

interface RouteStatus {
  readonly parents: readonly {
    readonly conditions: readonly { readonly status: string; readonly observedGeneration?: number }[];
  }[];
}

/** On a route: what the gateway says in place of accepting it. `ignore`: nothing, as a controller that is down. */
const GATEWAY_ANNOTATION = 'sandbox/gateway';

export interface GatewayOptions {
  /** After every change of an HTTPRoute or GRPCRoute: all of them. */
  readonly onRoutes?: (routes: readonly Route[]) => void;
}

const GROUP = '/apis/gateway.networking.k8s.io/v1';
const CONTROLLER = 'bluegreen.example/sandbox';

type Grant = KubernetesObject<{
  readonly from: readonly { readonly kind: string; readonly namespace: string }[];
  readonly to: readonly { readonly kind: string; readonly name?: string }[];
}>;

/** Until the signal is aborted. */
export function runGateway(api: KubernetesApi, signal: AbortSignal, options: GatewayOptions = {}): void {
  const seen = {
    gateways: [] as readonly KubernetesObject[],
    services: [] as readonly KubernetesObject[],
    grants: [] as readonly Grant[],
    httproutes: [] as readonly Route[],
    grpcroutes: [] as readonly Route[],
  };
  const review = (): void => {
    for (const kind of ['httproutes', 'grpcroutes'] as const)
      for (const route of seen[kind]) void report(kind, route).catch(() => setTimeout(review, 200).unref());
    options.onRoutes?.([...seen.httproutes, ...seen.grpcroutes]);
  };
  const follow = (name: keyof typeof seen, path: string): void =>
    api.follow({
      path,
      signal,
      onChange(objects) {
        Object.assign(seen, { [name]: objects });
        review();
      },
    });
  follow('gateways', `${GROUP}/gateways`);
  follow('services', '/api/v1/services');
  follow('grants', '/apis/gateway.networking.k8s.io/v1beta1/referencegrants');
  follow('httproutes', `${GROUP}/httproutes`);
  follow('grpcroutes', `${GROUP}/grpcroutes`);

  async function report(kind: 'httproutes' | 'grpcroutes', route: Route): Promise<void> {
    const { name, namespace = '', generation = 0, annotations } = route.metadata;
    const refusal = annotations?.[GATEWAY_ANNOTATION];
    if (refusal === 'ignore' || signal.aborted) return;
    const parents = (route.spec?.parentRefs ?? []).filter((parent) =>
      seen.gateways.some(
        ({ metadata }) => metadata.name === parent.name && metadata.namespace === (parent.namespace ?? namespace),
      ),
    );
    const unresolved = whyUnresolved(kind, route);
    const condition = (
      type: string,
      problem: readonly [reason: string, message: string] | undefined,
      fine: string,
    ) => ({
      type,
      status: problem ? 'False' : 'True',
      reason: problem?.[0] ?? fine,
      message: problem?.[1] ?? '',
      observedGeneration: generation,
    });
    const conditions = [
      condition('Accepted', refusal === undefined ? undefined : ['UnsupportedValue', refusal], 'Accepted'),
      condition('ResolvedRefs', unresolved, 'ResolvedRefs'),
    ];
    const wanted = parents.map((parentRef) => ({ parentRef, controllerName: CONTROLLER, conditions }));
    if (wanted.length === 0 || isSaid(route.status?.parents, wanted)) return;
    const at = now();
    await api.patch(`${GROUP}/namespaces/${namespace}/${kind}/${name}/status`, {
      metadata: { uid: route.metadata.uid },
      status: {
        parents: wanted.map((parent) => ({
          ...parent,
          conditions: conditions.map((one) => ({ ...one, lastTransitionTime: at })),
        })),
      },
    });
  }

  function whyUnresolved(
    kind: 'httproutes' | 'grpcroutes',
    { metadata, spec }: Route,
  ): readonly [string, string] | undefined {
    const home = metadata.namespace ?? '';
    for (const { name, namespace = home } of spec?.rules?.flatMap(({ backendRefs = [] }) => backendRefs) ?? []) {
      if (namespace !== home && !isGranted(kind, home, namespace, name))
        return ['RefNotPermitted', `Backend ref to Service ${namespace}/${name} not permitted by any ReferenceGrant.`];
      if (!seen.services.some((service) => service.metadata.name === name && service.metadata.namespace === namespace))
        return ['BackendNotFound', `Service ${namespace}/${name} not found`];
    }
    return undefined;
  }

  function isGranted(kind: 'httproutes' | 'grpcroutes', from: string, to: string, service: string): boolean {
    const wanted = kind === 'httproutes' ? 'HTTPRoute' : 'GRPCRoute';
    return seen.grants.some(
      ({ metadata, spec }) =>
        metadata.namespace === to &&
        spec?.from.some((one) => one.kind === wanted && one.namespace === from) &&
        spec.to.some((one) => one.kind === 'Service' && (one.name ?? service) === service),
    );
  }
}

/** Whether the status says it already, apart from since when. */
function isSaid(parents: RouteStatus['parents'] | undefined, wanted: readonly object[]): boolean {
  const bare = parents?.map((parent) => ({
    ...parent,
    conditions: parent.conditions.map((one) => ({ ...one, lastTransitionTime: undefined })),
  }));
  return sorted(bare) === sorted(wanted);
}

const sorted = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => a.localeCompare(b)))
      : one,
  );
