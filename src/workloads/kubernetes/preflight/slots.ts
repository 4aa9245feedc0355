import { type BothSlots, type SlotState, slotWords } from '../../../kubernetes/index.ts';
import type { Observation, Problem } from '../../../plugin/index.ts';
import type { Config } from '../schema.ts';

/** Whether both slots exist and their pod templates have a version. Pure. */
export function observeSlots(states: BothSlots, config: Config): Observation {
  return {
    evidence: states.map((state) => ({
      what: `slot ${state.name}`,
      measured: state.object
        ? `${slotWords(state)}, ${state.ready} of ${state.wanted} replicas ready`
        : slotWords(state),
    })),
    problems: states.flatMap((state) => problemsOf(state, config)),
  };
}

function problemsOf({ name, owner, object, version }: SlotState, config: Config): Problem[] {
  const { versionLabel } = config;
  const kind = owner.resource.kind;
  if (!object) {
    // It is made by the first deployment into it.
    if (config.image === undefined) return [];
    return [
      {
        found: `the slot ${name} has no ${kind} ${owner.name} in the namespace ${owner.namespace}`,
        unblock: `create it, with 0 replicas, or correct workload.slots`,
      },
    ];
  }
  const { selector, paused } = object.spec;
  const isSelected =
    versionLabel in (selector.matchLabels ?? {}) ||
    selector.matchExpressions?.some(({ key }) => key === versionLabel) === true;
  return [
    ...(version === undefined && config.image === undefined
      ? [
          {
            found: `the pod template of ${kind} ${owner.name} has no label ${versionLabel}`,
            unblock: `add the label with the version that runs there, or name another one in workload.versionLabel`,
          },
        ]
      : []),
    ...(isSelected
      ? [
          {
            found: `the selector of ${kind} ${owner.name} holds the version label ${versionLabel}, and a selector cannot change`,
            unblock:
              'create it again without that label in its selector, or name another label in workload.versionLabel',
          },
        ]
      : []),
    ...(paused
      ? [
          {
            found: `Deployment ${owner.name} is paused`,
            unblock: `kubectl rollout resume deployment/${owner.name} -n ${owner.namespace}`,
          },
        ]
      : []),
    ...updateProblems(name, object.spec),
  ];
}

/** A StatefulSet may be told to leave old pods as they are. */
function updateProblems(name: string, spec: object): Problem[] {
  const { updateStrategy } = spec as {
    readonly updateStrategy?: { readonly type?: string; readonly rollingUpdate?: { readonly partition?: number } };
  };
  const isOnDelete = updateStrategy?.type === 'OnDelete';
  const { partition = 0 } = updateStrategy?.rollingUpdate ?? {};
  if (!isOnDelete && partition === 0) return [];
  return [
    {
      found: `the StatefulSet of ${name} has the update strategy ${isOnDelete ? 'OnDelete' : `RollingUpdate with partition ${partition}`}, which leaves old pods running`,
      unblock: 'set spec.updateStrategy to RollingUpdate without a partition',
    },
  ];
}
