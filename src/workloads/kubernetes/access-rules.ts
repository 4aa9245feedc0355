import type { AccessRule, Place } from '../../kubernetes/index.ts';

/** What the worker does to the slots: for preflight, and for the Role of the chart. */
export function accessRules({ slots }: Pick<Place, 'slots'>): readonly AccessRule[] {
  const all = Object.values(slots);
  const owners = [
    ...(all.some(({ statefulSet }) => statefulSet === undefined) ? ['deployments'] : []),
    ...(all.some(({ statefulSet }) => statefulSet !== undefined) ? ['statefulsets'] : []),
  ];
  return [
    ...owners.map((resource) => ({ apiGroup: 'apps', resource, verbs: ['get', 'patch'] })),
    { apiGroup: '', resource: 'services', verbs: ['get'] },
    { apiGroup: '', resource: 'pods', verbs: ['list'] },
    { apiGroup: '', resource: 'events', verbs: ['list'] },
    { apiGroup: '', resource: 'resourcequotas', verbs: ['list'] },
    { apiGroup: 'discovery.k8s.io', resource: 'endpointslices', verbs: ['list'] },
    { apiGroup: 'autoscaling', resource: 'horizontalpodautoscalers', verbs: ['list'] },
    { apiGroup: 'policy', resource: 'poddisruptionbudgets', verbs: ['list'] },
  ];
}
