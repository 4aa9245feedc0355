import { type AccessRule, RESOURCES, type Resource } from '../../kubernetes/index.ts';
import { ROUTE_KINDS } from './route-kinds.ts';

/** The Role with these rules: beside the one for the workload, whose rules are others. */
export const ROUTER_ROLE = 'bluegreen-router';

/** What the worker does in the namespace of a route, or of the Service: for preflight, and for the Role of the chart. */
export function routerAccessRules(kind: keyof typeof ROUTE_KINDS | 'service'): readonly AccessRule[] {
  if (kind !== 'service') return [ruleFor(ROUTE_KINDS[kind].resource, 'get', 'patch')];
  return [ruleFor(RESOURCES.service, 'get', 'patch'), ruleFor(RESOURCES.endpointSlice, 'list')];
}

function ruleFor({ apiVersion, plural }: Resource, ...verbs: readonly string[]): AccessRule {
  const [group = '', version] = apiVersion.split('/');
  return { apiGroup: version === undefined ? '' : group, resource: plural, verbs };
}
