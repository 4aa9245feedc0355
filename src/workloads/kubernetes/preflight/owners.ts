import { FLUX_APPLY, leavesAlone, type Owner, ownerOf, ownerTitle, type SlotState } from '../../../kubernetes/index.ts';
import type { Observation, Problem } from '../../../plugin/index.ts';
import type { Config } from '../schema.ts';

const FIELDS = '/spec/replicas, the image and the version label of /spec/template';

/** Who else sets the slots, and would set image, version and replicas back to what a repository says. Pure. */
export function observeOwners(states: readonly SlotState[], { command }: Config): Observation {
  const seen = states.flatMap(({ object, owner }) => {
    const other = object && ownerOf(object);
    return other ? [{ object, what: `${owner.resource.kind} ${owner.name}`, other, title: ownerTitle(other) }] : [];
  });
  // A command that commits the version does it in the owner's own way.
  const isOurs = command === undefined;
  const problems: Problem[] = seen
    .filter(({ object, other }) => isOurs && other.tool === 'Flux Kustomization' && !leavesAlone(object))
    .map(({ what, title }) => ({
      found: `${title} sets ${what} back to what its repository says: ${FIELDS}`,
      unblock: `write the annotation ${FLUX_APPLY}: IfNotPresent on ${what} in its repository, or deploy with workload.command that commits the version (docs/gitops.md)`,
    }));
  return {
    evidence: seen.map(({ what, title, other }) => {
      const required = isOurs ? requiredOf(other) : undefined;
      return { what: `who else owns ${what}`, measured: title, ...(required !== undefined && { required }) };
    }),
    problems,
  };
}

/** What has to be configured there, which the API server cannot say; undefined where a problem says it. */
function requiredOf({ tool }: Owner): string | undefined {
  switch (tool) {
    case 'Argo CD':
      return `ignoreDifferences for ${FIELDS}, with the sync option RespectIgnoreDifferences=true (docs/gitops.md)`;
    case 'Flux Kustomization':
      return undefined;
    case 'Flux HelmRelease':
      return `a chart that keeps ${FIELDS} as they are (lookup), and an ignore rule in driftDetection if that is enabled (docs/gitops.md)`;
    case 'Helm':
      return `a chart that keeps ${FIELDS} as they are (lookup): an upgrade sets them back (docs/gitops.md)`;
  }
}
