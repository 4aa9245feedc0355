import {
  asLabel,
  type Cluster,
  type PatchOperation,
  type PodOwner,
  type SlotState,
  VERSION_ANNOTATION,
} from '../../kubernetes/index.ts';
import { commandFailed, type Evidence } from '../../plugin/index.ts';
import type { RunContext } from '../../util/index.ts';

interface NewVersion {
  readonly version: string;
  readonly versionLabel: string;
  readonly image: string;
  /** The container that gets the image; missing where there is only one. */
  readonly container?: string | undefined;
  readonly replicas: number;
}

/** Sets image, version and replicas of green's slot, and nothing else. */
export async function deployImage(
  cluster: Cluster,
  green: SlotState,
  wanted: NewVersion,
  run: RunContext,
): Promise<Evidence> {
  await cluster.change<PodOwner>(green.owner, (current) => imageChanges(current, wanted), run);
  const { image, version, replicas } = wanted;
  return [
    {
      what: `${green.owner.resource.kind} ${green.owner.name}`,
      measured: `image ${image}, version ${version}, ${replicas} replicas as blue has`,
    },
  ];
}

/** Pure. @throws ApplicationFailure `CommandFailed` if it is not clear which container gets the image. */
function imageChanges(current: PodOwner, wanted: NewVersion): PatchOperation[] {
  const { template, replicas } = current.spec;
  const { version, versionLabel, image } = wanted;
  const index = containerIndex(current, wanted.container);
  const changes: PatchOperation[] = [];
  if (template.spec.containers[index]?.image !== image)
    changes.push({ op: 'replace', path: `/spec/template/spec/containers/${index}/image`, value: image });
  if (template.metadata?.labels?.[versionLabel] !== asLabel(version))
    changes.push({
      op: 'add',
      path: `/spec/template/metadata/labels/${pointer(versionLabel)}`,
      value: asLabel(version),
    });
  changes.push(...annotationChanges(template.metadata?.annotations, version));
  if (replicas !== wanted.replicas) changes.push({ op: 'add', path: '/spec/replicas', value: wanted.replicas });
  return changes;
}

/** The whole version is kept beside a label that cannot hold it. */
function annotationChanges(before: Readonly<Record<string, string>> | undefined, version: string): PatchOperation[] {
  const path = `/spec/template/metadata/annotations/${pointer(VERSION_ANNOTATION)}`;
  const kept = before?.[VERSION_ANNOTATION];
  if (asLabel(version) === version) return kept === undefined ? [] : [{ op: 'remove', path }];
  if (kept === version) return [];
  const annotations: PatchOperation[] =
    before === undefined ? [{ op: 'add', path: '/spec/template/metadata/annotations', value: {} }] : [];
  return [...annotations, { op: 'add', path, value: version }];
}

function containerIndex({ metadata, spec }: PodOwner, container: string | undefined): number {
  const names = spec.template.spec.containers.map(({ name }) => name);
  const index = container === undefined && names.length === 1 ? 0 : names.indexOf(container ?? '');
  if (index >= 0) return index;
  throw commandFailed(
    container === undefined
      ? `${metadata.name} has the containers ${names.join(', ')}: name the one that gets the image in workload.container`
      : `${metadata.name} has no container "${container}", only ${names.join(', ')}: correct workload.container`,
  );
}

/** A key as a part of a JSON pointer (RFC 6901). */
function pointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
