import type { Route as RouterRoute } from '../router.ts';
import type { KubernetesObject } from './api.ts';
import type { Route } from './gateway.ts';
import { VERSION_LABEL } from './objects.ts';
import type { Pod } from './pod.ts';

/** Where a gateway sends the traffic of one route: the weights of its backends, and the ready pods of each. */

export type Service = KubernetesObject<{ readonly selector?: Readonly<Record<string, string>> }>;

export interface Backends {
  readonly route: Route | undefined;
  readonly services: readonly Service[];
  readonly pods: readonly Pod[];
}

/**
 * By version, as the sandbox's router wants it. A backend without pods is named after its Service: its share is answered with 503.
 * @param originOf where a pod with this IP listens
 */
export function routesOf(
  { route, services, pods }: Backends,
  originOf: (ip: string) => string | undefined,
): RouterRoute[] {
  const backends = route?.spec?.rules?.[0]?.backendRefs ?? [];
  const sum = backends.reduce((total, { weight = 1 }) => total + weight, 0);
  return backends.flatMap(({ name, weight = 1 }) => {
    const service = services.find(({ metadata }) => metadata.name === name);
    const own = pods.filter(
      ({ metadata }) =>
        metadata.deletionTimestamp === undefined && service && matches(metadata.labels, service.spec?.selector),
    );
    if (own.length === 0 && weight === 0) return [];
    const versions = new Set(own.map(versionOf));
    const percentage = sum === 0 ? 0 : (weight / sum) * 100;
    const ready = own.filter(isReady);
    // While a slot goes from one version to another it has pods of both; those that are ready serve.
    const serving = new Set(ready.map(versionOf));
    const shown = serving.size > 0 ? serving : versions.size > 0 ? versions : new Set([name]);
    return [...shown].map((version) => ({
      version,
      percentage: percentage / shown.size,
      origins: ready
        .filter((pod) => versionOf(pod) === version)
        .flatMap(({ status }) => originOf(status?.podIP ?? '') ?? []),
    }));
  });
}

const versionOf = ({ metadata }: Pod): string => metadata.labels?.[VERSION_LABEL] ?? metadata.name;

const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, status: holds }) => type === 'Ready' && holds === 'True') ?? false;

function matches(
  labels: Readonly<Record<string, string>> = {},
  selector: Readonly<Record<string, string>> = {},
): boolean {
  const wanted = Object.entries(selector);
  return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
}
