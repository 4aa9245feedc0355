import { type KubeObject, type Owner, ownerOf, type SlotState } from '../../../kubernetes/index.ts';
import type { Observation, Problem } from '../../../plugin/index.ts';
import { redact } from '../../../util/index.ts';
import type { Config } from '../schema.ts';

const FLUX_APPLY = 'kustomize.toolkit.fluxcd.io/ssa';
const FIELDS = '/spec/replicas, the image and the version label of /spec/template';

/** Who else sets the slots, and would set image, version and replicas back to what a repository says. Pure. */
export function observeOwners(states: readonly SlotState[], { command }: Config): Observation {
  const seen = states.flatMap(({ object, owner }) => {
    const other = object && ownerOf(object);
    return other ? [{ object, what: `${owner.resource.kind} ${owner.name}`, other, title: titleOf(other) }] : [];
  });
  // A command that commits the version does it in the owner's own way.
  const isOurs = command === undefined;
  const problems: Problem[] = seen
    .filter(({ object, other }) => isOurs && other.tool === 'Flux' && other.isContinuous && !isLeftAlone(object))
    .map(({ what, title }) => ({
      found: `${title} sets ${what} back to what its repository says: ${FIELDS}`,
      unblock: `write the annotation ${FLUX_APPLY}: IfNotPresent on ${what} in its repository, or deploy with workload.command that commits the version (docs/gitops.md)`,
    }));
  return {
    evidence: seen.map(({ what, title, other }) => ({
      what: `who else owns ${what}`,
      measured: title,
      ...(isOurs &&
        other.tool === 'Argo CD' && {
          required: `ignoreDifferences for ${FIELDS}, with the sync option RespectIgnoreDifferences=true (docs/gitops.md)`,
        }),
    })),
    problems,
  };
}

function titleOf({ tool, name }: Owner): string {
  return name === undefined ? tool : `${tool} (${redact(name)})`;
}

/** Whether Flux leaves the object as it is once it exists. */
function isLeftAlone({ metadata: { annotations = {} } }: KubeObject): boolean {
  return /^(IfNotPresent|Ignore)$/i.test(annotations[FLUX_APPLY] ?? '');
}
