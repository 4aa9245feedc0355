import { asLabel, type Cluster, type Resource, type SlotState, VERSION_ANNOTATION } from '../../kubernetes/index.ts';
import { commandFailed, type Evidence } from '../../plugin/index.ts';
import type { RunContext } from '../../util/index.ts';
import { usedBy } from './config-references.ts';
import type { Manifest } from './manifests.ts';

interface Slots {
  readonly blue: SlotState;
  readonly green: SlotState;
}

interface NewVersion {
  readonly version: string;
  readonly versionLabel: string;
  readonly replicas: number;
  /** Services that customers reach: they belong to the router. */
  readonly routed: readonly string[];
}

/** Their weights belong to the router. */
const ROUTES = ['HTTPRoute', 'GRPCRoute', 'VirtualService', 'Ingress'];

/**
 * Applies the manifests of green's slot with our field manager. First all of them as a dry run: nothing is applied if one of
 * them is refused.
 * @throws ApplicationFailure `CommandFailed` if they hold anything that is not green's.
 */
export async function applyManifests(
  cluster: Cluster,
  manifests: readonly Manifest[],
  { slots, wanted }: { readonly slots: Slots; readonly wanted: NewVersion },
  run: RunContext,
): Promise<Evidence> {
  const { green } = slots;
  for (const manifest of manifests) assertGreens(manifest, slots, wanted);
  if (!manifests.some((manifest) => isOwner(manifest, green)))
    throw commandFailed(
      `the manifests have no ${green.owner.resource.kind} ${green.owner.name}, which is the slot ${green.name}: expected {slot} in its name`,
    );
  const objects = manifests
    .map((manifest) => (isOwner(manifest, green) ? withVersion(manifest, wanted) : manifest))
    // The pods find what they need.
    .sort((a, b) => Number(isOwner(a, green)) - Number(isOwner(b, green)));
  const { namespace } = green.owner;
  const found = await Promise.all(
    objects.map(async (object) => ({
      object,
      ref: { resource: await resourceOf(cluster, object, run), namespace, name: object.metadata.name },
    })),
  );
  // The folder is the truth for this slot: fields that others have set before become ours.
  for (const { ref, object } of found) await cluster.apply(ref, object, { dryRun: true, force: true }, run);
  for (const { ref, object } of found) await cluster.apply(ref, object, { force: true }, run);
  return [
    {
      what: 'applied manifests',
      measured: `${found.map(({ object }) => `${object.kind} ${object.metadata.name}`).join(', ')}; version ${wanted.version}, ${wanted.replicas} replicas as blue has`,
    },
  ];
}

function assertGreens(manifest: Manifest, { blue, green }: Slots, { routed }: NewVersion): void {
  const { kind, metadata } = manifest;
  const what = `${kind} ${metadata.name}`;
  const refuse = (why: string) => commandFailed(`the manifests hold ${what}: ${why}`);
  const { namespace } = green.owner;
  if (metadata.namespace !== undefined && metadata.namespace !== namespace)
    throw refuse(`it is in the namespace ${metadata.namespace}, expected ${namespace}`);
  if (isOwner(manifest, blue) || (kind === 'Service' && metadata.name === blue.service.name))
    throw refuse(`it belongs to ${blue.name}, which serves: use {slot} in its name`);
  if (ROUTES.includes(kind) || (kind === 'Service' && routed.includes(metadata.name)))
    throw refuse('it routes the traffic, which only the router may change: remove it from the folder');
  if (usedBy(blue.object, manifest))
    throw refuse(`the pods of ${blue.name}, which serves, use it: use {slot} in its name`);
  const { scaleTargetRef } = (manifest['spec'] ?? {}) as { scaleTargetRef?: { kind?: string; name?: string } };
  if (scaleTargetRef?.kind === blue.owner.resource.kind && scaleTargetRef.name === blue.owner.name)
    throw refuse(`it scales ${blue.name}, which serves: use {slot} in its target`);
}

function isOwner({ kind, metadata }: Manifest, { owner }: SlotState): boolean {
  return kind === owner.resource.kind && metadata.name === owner.name;
}

interface OwnerSpec {
  readonly template?: {
    readonly metadata?: {
      readonly labels?: Readonly<Record<string, string | number | boolean>>;
      readonly annotations?: Readonly<Record<string, string>>;
    };
  };
}

/** With blue's number of replicas, and with the version label if it has none. */
function withVersion(manifest: Manifest, { version, versionLabel, replicas }: NewVersion): Manifest {
  const spec = (manifest['spec'] ?? {}) as OwnerSpec;
  const { labels = {}, annotations = {} } = spec.template?.metadata ?? {};
  const label = labels[versionLabel];
  if (label !== undefined && String(label) !== asLabel(version))
    throw commandFailed(
      `the pod template of ${manifest.metadata.name} has the label ${versionLabel}: ${label}, expected ${asLabel(version)}: write {version} there`,
    );
  const metadata = {
    ...spec.template?.metadata,
    labels: { ...labels, [versionLabel]: asLabel(version) },
    ...(asLabel(version) !== version && { annotations: { ...annotations, [VERSION_ANNOTATION]: version } }),
  };
  return { ...manifest, spec: { ...spec, replicas, template: { ...spec.template, metadata } } };
}

interface ResourceList {
  readonly resources: readonly { readonly name: string; readonly kind: string; readonly namespaced: boolean }[];
}

/** Which resource of the API server a manifest is. @throws ApplicationFailure `CommandFailed` for one that has no namespace. */
export async function resourceOf(
  cluster: Cluster,
  { apiVersion, kind, metadata: { name } }: Manifest,
  run: RunContext,
): Promise<Resource> {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const known = await cluster.read<ResourceList>(root, run);
  const found = known?.resources.find((each) => each.kind === kind && !each.name.includes('/'));
  if (!found)
    throw commandFailed(`the cluster knows no ${kind} of ${apiVersion}: install its CustomResourceDefinition`);
  if (!found.namespaced)
    throw commandFailed(
      `the manifests hold ${kind} ${name}, which belongs to no namespace: expected only what belongs to the slot`,
    );
  return { apiVersion, kind, plural: found.name };
}
