import type { Condition, KubeObject, Resource } from '../../kubernetes/index.ts';
import type { Changed } from './gitops.ts';

/** One place to which a rule of a route sends requests. */
export interface Backend {
  /** The Service, as `namespace/name`; undefined for anything else. */
  readonly service: string | undefined;
  readonly weight: number;
  /** Where its weight is, as a JSON pointer. */
  readonly weightPath: string;
}

/** A rule of a route: what it matches is sent to its backends by their weights. */
interface Rule {
  /** As messages call it: `rule 1`, or by its name. */
  readonly name: string;
  readonly backends: readonly Backend[];
  /** The Services that get a copy of its requests, as `namespace/name`. */
  readonly mirrors: readonly (string | undefined)[];
}

export interface Route extends KubeObject {
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status?: { readonly parents?: readonly ParentStatus[] } & IstioStatus;
}

/** A gateway that a route belongs to, or wants to belong to. */
export interface ParentRef {
  readonly group?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name: string;
  readonly sectionName?: string;
  readonly port?: number;
}

/** What one gateway says of a route. */
export interface ParentStatus {
  readonly parentRef: ParentRef;
  readonly conditions?: readonly (Condition & { readonly observedGeneration?: number })[];
}

/** What istiod says of an object, where its analysis is on (`PILOT_ENABLE_ANALYSIS`). */
interface IstioStatus {
  /** Istio writes it as a string. */
  readonly observedGeneration?: string | number;
  readonly validationMessages?: readonly IstioMessage[];
}

/** Its text is in the log of istiod only. */
export interface IstioMessage {
  readonly type?: { readonly name?: string; readonly code?: string };
  readonly level?: string;
}

/** One kind of route: where its weights are. */
export interface RouteKind {
  readonly resource: Resource;
  /** What has to be installed for it: `Istio 1.22`. */
  readonly since: string;
  readonly changed: Changed;
  rulesOf(route: Route): readonly Rule[];
}

interface BackendRef {
  readonly group?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name: string;
  readonly weight?: number;
  readonly filters?: readonly GatewayFilter[];
}

interface GatewayFilter {
  readonly requestMirror?: { readonly backendRef: BackendRef };
}

interface GatewayRule {
  readonly name?: string;
  readonly filters?: readonly GatewayFilter[];
  readonly backendRefs?: readonly BackendRef[];
}

/** HTTPRoute and GRPCRoute are alike here. */
function gatewayRoute(kind: string, plural: string, since: string): RouteKind {
  const serviceOfRef = (ref: BackendRef, own: string | undefined): string | undefined =>
    (ref.group ?? '') === '' && (ref.kind ?? 'Service') === 'Service'
      ? `${ref.namespace ?? own}/${ref.name}`
      : undefined;
  return {
    resource: { apiVersion: 'gateway.networking.k8s.io/v1', kind, plural },
    since,
    changed: { fields: ['rules'], jqPath: '.spec.rules[].backendRefs[].weight' },
    rulesOf: ({ metadata, spec }) =>
      ((spec['rules'] ?? []) as readonly GatewayRule[]).map(({ name, filters = [], backendRefs = [] }, index) => ({
        name: name === undefined ? `rule ${index + 1}` : `rule "${name}"`,
        mirrors: [...filters, ...backendRefs.flatMap((ref) => ref.filters ?? [])].map(
          ({ requestMirror }) => requestMirror && serviceOfRef(requestMirror.backendRef, metadata.namespace),
        ),
        backends: backendRefs.map((ref, at) => ({
          service: serviceOfRef(ref, metadata.namespace),
          weight: ref.weight ?? 1,
          weightPath: `/spec/rules/${index}/backendRefs/${at}/weight`,
        })),
      })),
  };
}

interface IstioRule {
  readonly name?: string;
  readonly route?: readonly { readonly destination?: Destination; readonly weight?: number }[];
  readonly mirror?: Destination;
  readonly mirrors?: readonly { readonly destination?: Destination }[];
}

interface Destination {
  readonly host?: string;
}

const ISTIO_LISTS = ['http', 'tls', 'tcp'] as const;

const virtualService: RouteKind = {
  resource: { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', plural: 'virtualservices' },
  since: 'Istio 1.22',
  changed: { fields: ISTIO_LISTS, jqPath: '.spec.http[].route[].weight' },
  rulesOf: ({ metadata, spec }) =>
    ISTIO_LISTS.flatMap((list) =>
      ((spec[list] ?? []) as readonly IstioRule[]).map(({ name, route = [], mirror, mirrors = [] }, index) => ({
        name: name === undefined ? `${list}[${index}]` : `${list} "${name}"`,
        mirrors: [mirror, ...mirrors.map(({ destination }) => destination)].map((one) =>
          serviceOf(one?.host ?? '', metadata.namespace ?? ''),
        ),
        backends: route.map(({ destination, weight }, at) => ({
          service: serviceOf(destination?.host ?? '', metadata.namespace ?? ''),
          weight: weight ?? (route.length === 1 ? 100 : 0),
          weightPath: `/spec/${list}/${index}/route/${at}/weight`,
        })),
      })),
    ),
};

/** Istio takes a name without a dot to be in the namespace of the rule, and any other as it is: `rec.shop` is no Service. */
function serviceOf(host: string, namespace: string): string | undefined {
  const [name, own, kind] = host.split('.');
  if (own === undefined) return `${namespace}/${name}`;
  return kind === 'svc' ? `${own}/${name}` : undefined;
}

/** The kinds of routes, by the `kind` of a router. */
export const ROUTE_KINDS = {
  'http-route': gatewayRoute('HTTPRoute', 'httproutes', 'the Gateway API 1.0'),
  'grpc-route': gatewayRoute('GRPCRoute', 'grpcroutes', 'the Gateway API 1.1'),
  'virtual-service': virtualService,
} as const satisfies Record<string, RouteKind>;
