import {
  type BothSlots,
  type Cluster,
  type KubeObject,
  type LabelSelector,
  RESOURCES,
  selects,
} from '../../../kubernetes/index.ts';
import type { Observation } from '../../../plugin/index.ts';
import type { RunContext } from '../../../util/index.ts';
import type { Config } from '../schema.ts';

interface DisruptionBudget extends KubeObject {
  readonly spec: { readonly selector?: LabelSelector };
}

/**
 * Whether a disruption budget counts the pods of both slots together. The pods of the slot without traffic would then allow the
 * eviction of those that serve, and pods of green that are not ready would forbid the drain of a node.
 */
export async function observeBudgets(
  cluster: Cluster,
  states: BothSlots,
  { namespace }: Config,
  run: RunContext,
): Promise<Observation> {
  const all = await cluster.list<DisruptionBudget>(RESOURCES.disruptionBudget, { namespace }, run);
  const covering = all.map(({ metadata, spec: { selector } }) => ({
    name: metadata.name,
    slots: states
      .filter(({ object }) => object && selector && selects(selector, object.spec.template.metadata?.labels ?? {}))
      .map(({ name }) => name),
  }));
  const found = covering.filter(({ slots }) => slots.length > 0);
  return {
    evidence: [
      {
        what: 'disruption budgets',
        measured: found.map(({ name, slots }) => `${name} for ${slots.join(' and ')}`).join('; ') || 'none',
        required: 'none for both slots together',
      },
    ],
    problems: found
      .filter(({ slots }) => slots.length > 1)
      .map(({ name, slots }) => ({
        found: `PodDisruptionBudget ${name} counts the pods of ${slots.join(' and ')} together: idle pods of one slot allow the eviction of those that serve`,
        unblock: `give each slot a PodDisruptionBudget of its own, and delete ${name}`,
      })),
  };
}
