import { type Cluster, type KubeObject, RESOURCES, type SlotState } from '../../../kubernetes/index.ts';
import type { Observation, Problem } from '../../../plugin/index.ts';
import type { RunContext } from '../../../util/index.ts';
import type { Config } from '../schema.ts';
import { isFullSize } from './full-size.ts';

interface Autoscaler extends KubeObject {
  readonly spec: {
    readonly scaleTargetRef: { readonly kind: string; readonly name: string };
    readonly minReplicas?: number;
    readonly maxReplicas: number;
    readonly behavior?: {
      readonly scaleDown?: { readonly selectPolicy?: string; readonly policies?: readonly object[] | null };
    };
  };
}

/** Whether an autoscaler of green would take away replicas that it has to have before it gets traffic. */
export async function observeAutoscalers(
  cluster: Cluster,
  { blue, green }: { readonly blue: SlotState; readonly green: SlotState },
  { config: { namespace }, greenIsUp }: { readonly config: Config; readonly greenIsUp: boolean },
  run: RunContext,
): Promise<Observation> {
  const all = await cluster.list<Autoscaler>(RESOURCES.autoscaler, { namespace }, run);
  const ofGreen = all.find(
    ({
      spec: {
        scaleTargetRef: { kind, name },
      },
    }) => kind === green.owner.resource.kind && name === green.owner.name,
  );
  const shrunk: Problem[] =
    greenIsUp && !isFullSize(green.wanted, blue.wanted)
      ? [
          {
            found: `green has ${green.wanted} replicas and blue ${blue.wanted}: it would get more traffic than it can take`,
            unblock: `kubectl scale ${green.owner.resource.plural}/${green.owner.name} --replicas=${blue.wanted} -n ${namespace}; if an autoscaler scaled it down while it had no traffic, raise its minReplicas`,
          },
        ]
      : [];
  if (!ofGreen) return { evidence: [{ what: 'autoscaler of green', measured: 'none' }], problems: shrunk };
  const { metadata, spec } = ofGreen;
  const { minReplicas = 1, maxReplicas, behavior } = spec;
  const isSlow = behavior?.scaleDown?.selectPolicy === 'Disabled' || hasOwnPolicies(behavior?.scaleDown?.policies);
  const fights: Problem[] = [];
  if (maxReplicas < blue.wanted)
    fights.push({
      found: `HorizontalPodAutoscaler ${metadata.name} allows ${maxReplicas} replicas of green, and blue has ${blue.wanted}`,
      unblock: `set maxReplicas of ${metadata.name} to at least ${blue.wanted}`,
    });
  if (minReplicas < blue.wanted && !isSlow)
    fights.push({
      found: `HorizontalPodAutoscaler ${metadata.name} may scale green from ${blue.wanted} to ${minReplicas} replicas before it has traffic`,
      unblock: `let it scale down slowly, in spec.behavior.scaleDown.policies of ${metadata.name}: [{type: Percent, value: 10, periodSeconds: 300}]; or set minReplicas to ${blue.wanted}`,
    });
  return {
    evidence: [
      {
        what: `autoscaler of green: ${metadata.name}`,
        measured: `${minReplicas} to ${maxReplicas} replicas, scales down ${isSlow ? 'slowly' : 'at once'}`,
        required: `room for ${blue.wanted}, and no quick scale-down of a green without traffic`,
      },
    ],
    problems: [...fights, ...shrunk],
  };
}

/** The API server fills in one that allows everything. */
function hasOwnPolicies(policies: readonly object[] | null | undefined): boolean {
  const isDefault = (policy: object) => {
    const { type, value } = policy as { readonly type?: string; readonly value?: number };
    return type === 'Percent' && value === 100;
  };
  return (policies ?? []).length > 0 && !policies?.some(isDefault);
}
