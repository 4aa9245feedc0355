import {
  FIELD_MANAGER,
  type KubeObject,
  type ManagedFields,
  nameOf,
  type ObjectRef,
  type Owner,
  ownerByManager,
  ownerOf,
} from '../../kubernetes/index.ts';
import { redact } from '../../util/index.ts';

/** The part of an object that a router changes. */
export interface Changed {
  /** As managed fields have it, below `spec`. */
  readonly fields: readonly string[];
  /** For the ignore rule of Argo CD. */
  readonly jqPath: string;
}

const FLUX_APPLY = 'kustomize.toolkit.fluxcd.io/ssa';

/** How to keep a tool from setting back what a router changes. */
function remedyFor({ tool, name }: Owner, { resource, ...ref }: ObjectRef, { jqPath }: Changed): string {
  const object = nameOf({ resource, ...ref });
  if (tool === 'Argo CD')
    return `add to ${name === undefined ? 'its Application' : `the Application ${redact(name)}`} the entry ignoreDifferences with jqPathExpressions ["${jqPath}"] for ${resource.kind} ${ref.name}, and the sync option RespectIgnoreDifferences=true (docs/gitops.md)`;
  if (tool === 'Flux')
    return `write the annotation ${FLUX_APPLY}: IfNotPresent on ${object} in its repository, or an ignore rule into the Kustomization (docs/gitops.md)`;
  return `run no helm upgrade that has ${object} during a deployment (docs/gitops.md)`;
}

/** Who else owns an object that a router changes, for preflight; undefined if nobody is known to. */
export function ownerWords(object: KubeObject, ref: ObjectRef, changed: Changed): string | undefined {
  const owner = ownerOf(object);
  if (!owner) return undefined;
  const { tool, name, isContinuous } = owner;
  const title = name === undefined ? tool : `${tool} (${redact(name)})`;
  const isLeftAlone = object.metadata.annotations?.[FLUX_APPLY]?.match(/^(IfNotPresent|Ignore)$/i);
  if (tool === 'Flux' && isLeftAlone) return `${title}, which leaves it as it is: ${FLUX_APPLY}: ${isLeftAlone[0]}`;
  const does = isContinuous ? 'sets changes back unless it is configured not to' : 'sets changes back at an upgrade';
  return `${title}, which ${does}: ${remedyFor(owner, ref, changed)}`;
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
