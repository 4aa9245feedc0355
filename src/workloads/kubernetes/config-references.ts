import type { PodOwner } from '../../kubernetes/index.ts';
import type { Manifest } from './manifests.ts';

/** The keys of a pod's spec that name a ConfigMap or a Secret. */
const REFERENCES: Readonly<Record<string, string>> = {
  configMap: 'ConfigMap',
  configMapRef: 'ConfigMap',
  configMapKeyRef: 'ConfigMap',
  secret: 'Secret',
  secretRef: 'Secret',
  secretKeyRef: 'Secret',
};

/** Whether the pods of a slot use this ConfigMap or Secret: a change of it would change them. */
export function usedBy(owner: PodOwner | undefined, { kind, metadata: { name } }: Manifest): boolean {
  const refersToIt = (value: unknown): boolean =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(value).some(([key, inner]) => (REFERENCES[key] === kind && names(inner, name)) || refersToIt(inner));
  return ['ConfigMap', 'Secret'].includes(kind) && refersToIt(owner?.spec.template.spec);
}

function names(reference: unknown, name: string): boolean {
  const { name: byName, secretName } = (reference ?? {}) as { readonly name?: unknown; readonly secretName?: unknown };
  return byName === name || secretName === name;
}
