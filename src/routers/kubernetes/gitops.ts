import {
  FIELD_MANAGER,
  FLUX_APPLY,
  type KubeObject,
  leavesAlone,
  type ManagedFields,
  nameOf,
  type ObjectRef,
  type Owner,
  ownerByManager,
  ownerOf,
  ownerTitle,
} from '../../kubernetes/index.ts';
import { redact } from '../../util/index.ts';

/** The part of an object that a router changes. */
export interface Changed {
  /** As managed fields have it, below `spec`. */
  readonly fields: readonly string[];
  /** For the ignore rule of Argo CD. */
  readonly jqPath: string;
}

/** How to keep a tool from setting back what a router changes. */
function remedyFor({ tool, name }: Owner, { resource, ...ref }: ObjectRef, { jqPath }: Changed): string {
  const object = nameOf({ resource, ...ref });
  const named = name === undefined ? '' : ` ${redact(name)}`;
  switch (tool) {
    case 'Argo CD':
      return `add to ${name === undefined ? 'its' : 'the'} Application${named} the entry ignoreDifferences with jqPathExpressions ["${jqPath}"] for ${resource.kind} ${ref.name}, and the sync option RespectIgnoreDifferences=true (docs/gitops.md)`;
    case 'Flux Kustomization':
      return `write the annotation ${FLUX_APPLY}: IfNotPresent on ${object} in its repository, or an ignore rule into the Kustomization (docs/gitops.md)`;
    case 'Flux HelmRelease':
      return `let the chart of the HelmRelease${named} keep what is there (lookup), and if driftDetection is enabled, add an ignore rule for ${object} (docs/gitops.md)`;
    case 'Helm':
      return `let the chart of the release${named} keep what is there (lookup), or run no helm upgrade that has ${object} (docs/gitops.md)`;
  }
}

const SETS_BACK: Readonly<Record<Owner['tool'], string>> = {
  'Argo CD': 'sets changes back unless it is configured not to',
  'Flux Kustomization': 'sets changes back unless it is configured not to',
  'Flux HelmRelease':
    'sets changes back at an upgrade of the release, and if driftDetection is enabled also in between',
  Helm: 'sets changes back at an upgrade',
};

/** Who else owns an object that a router changes, for preflight; undefined if nobody is known to. */
export function ownerWords(object: KubeObject, ref: ObjectRef, changed: Changed): string | undefined {
  const owner = ownerOf(object);
  if (!owner) return undefined;
  const title = ownerTitle(owner);
  if (owner.tool === 'Flux Kustomization' && leavesAlone(object))
    return `${title}, which leaves it as it is: ${FLUX_APPLY}: ${object.metadata.annotations?.[FLUX_APPLY]}`;
  return `${title}, which ${SETS_BACK[owner.tool]}: ${remedyFor(owner, ref, changed)}`;
}

/** Who other than bluegreen changed this part last, and what keeps them from it; undefined if bluegreen did, or nobody. */
export function lastChangeOf(object: KubeObject, ref: ObjectRef, changed: Changed): string | undefined {
  const entries = (object.metadata.managedFields ?? []).filter((entry) => holds(entry, changed));
  // Times are whole seconds: in the same second, the other was the later one.
  const isOurs = ({ manager }: ManagedFields): number => (manager === FIELD_MANAGER ? 1 : 0);
  const [last] = entries.sort((one, other) => timeOf(other) - timeOf(one) || isOurs(one) - isOurs(other));
  if (!last || last.manager === FIELD_MANAGER) return undefined;
  const owner = ownerByManager(last);
  const known = ownerOf(object);
  const manager = `${nameOf(ref)} was changed by "${redact(last.manager ?? 'unknown')}" (its field manager)`;
  if (!owner) return manager;
  return `${manager}: ${remedyFor(known?.tool === owner.tool ? known : owner, ref, changed)}`;
}

function holds({ fieldsV1 }: ManagedFields, { fields }: Changed): boolean {
  const spec = fieldsV1?.['f:spec'];
  return typeof spec === 'object' && spec !== null && fields.some((field) => `f:${field}` in spec);
}

function timeOf({ time }: ManagedFields): number {
  return time === undefined ? 0 : Date.parse(time);
}
