import { nameOf, type ObjectRef, type PatchOperation, type Slot } from '../../kubernetes/index.ts';
import { commandFailed } from '../../plugin/index.ts';
import type { Backend, Route, RouteKind } from './route-kinds.ts';

/** A rule that sends requests to at least one of both slots. */
export interface OurRule {
  /** `HTTPRoute shop/recommendation, rule 1` */
  readonly name: string;
  readonly slots: readonly SlotBackends[];
  /** The sum of the weights of both slots, and of all other backends. */
  readonly ours: number;
  readonly others: number;
}

interface SlotBackends {
  readonly slot: string;
  /** `namespace/name` */
  readonly service: string;
  readonly backends: readonly Backend[];
}

/**
 * The rules of a route that have a slot as backend. The others are somebody else's.
 * @throws ApplicationFailure `CommandFailed` if there is no such rule.
 */
export function ourRules(kind: RouteKind, ref: ObjectRef, route: Route, slots: readonly Slot[]): readonly OurRule[] {
  const found = kind.rulesOf(route).flatMap(({ name, backends }) => {
    const having = slots.map((slot) => {
      const service = serviceOf(slot);
      return { slot: slot.name, service, backends: backends.filter((backend) => backend.service === service) };
    });
    if (having.every((each) => each.backends.length === 0)) return [];
    const ours = sumOf(having.flatMap((each) => each.backends));
    return [{ name: `${nameOf(ref)}, ${name}`, slots: having, ours, others: sumOf(backends) - ours }];
  });
  if (found.length > 0) return found;
  throw commandFailed(
    `${nameOf(ref)} has no rule with the Services ${slots.map(serviceOf).join(' and ')} as backends: correct router.routes, or the services in workload.slots`,
  );
}

/** Where a copy of requests goes to a slot: it counts as a request of its version, so that nobody sees when green gets none. */
export function mirrorsToSlots(kind: RouteKind, ref: ObjectRef, route: Route, slots: readonly Slot[]): string[] {
  return kind.rulesOf(route).flatMap(({ name, mirrors }) =>
    slots
      .map(serviceOf)
      .filter((service) => mirrors.includes(service))
      .map(
        (service) =>
          `${nameOf(ref)}, ${name} mirrors requests to the Service ${service}: metrics may count them as requests of its version, and then no rollback can show that green gets none`,
      ),
  );
}

/** What keeps traffic in this rule from moving between the slots; undefined if nothing does. */
export function problemOf({ name, slots }: OurRule): string | undefined {
  const wrong = slots.find(({ backends }) => backends.length !== 1);
  if (!wrong) return undefined;
  const { service, backends } = wrong;
  const both = slots.map((each) => each.service).join(' and ');
  return backends.length === 0
    ? `${name} has no backend with the Service ${service}, expected both ${both}: add it with weight 0, and give the other one the weight 100 if it has none`
    : `${name} has ${backends.length} backends with the Service ${service}, expected one: leave only one`;
}

/** What sets green's share of the traffic of both slots, in percent. @throws ApplicationFailure `CommandFailed` if no weights do. */
export function shiftRule(rule: OurRule, green: string, percentage: number): readonly PatchOperation[] {
  const problem = problemOf(rule);
  if (problem !== undefined) throw commandFailed(problem);
  const weights = weightsFor(percentage, rule);
  if (!weights)
    throw commandFailed(
      rule.ours === 0
        ? `in ${rule.name} both slots have the weight 0, and other backends get all traffic: give the slot that serves its weight back`
        : `${rule.name} cannot give green ${percentage} %: beside other backends the weights of both slots add up to ${rule.ours}, of which that is no whole number. Multiply all weights of the rule by 100`,
    );
  return rule.slots.flatMap(({ slot, backends }) => {
    const wanted = slot === green ? weights.green : weights.blue;
    // A weight that was left out has to be added; `add` replaces one that is there.
    return backends.flatMap(({ weight, weightPath }) =>
      weight === wanted ? [] : [{ op: 'add' as const, path: weightPath, value: wanted }],
    );
  });
}

/**
 * The weights of both slots: percentages, or parts of what both have together where other backends are in the rule, whose
 * share stays as it is. Undefined if these would be no whole numbers.
 */
function weightsFor(
  percentage: number,
  { ours, others }: Pick<OurRule, 'ours' | 'others'>,
): { readonly blue: number; readonly green: number } | undefined {
  const sum = others === 0 ? 100 : ours;
  const green = (sum * percentage) / 100;
  return sum > 0 && Number.isInteger(green) ? { blue: sum - green, green } : undefined;
}

/** The share of each slot of what both get, in percent. @throws ApplicationFailure `CommandFailed` if both have the weight 0. */
export function sharesIn({ name, slots, ours }: OurRule): ReadonlyMap<string, number> {
  if (ours === 0) throw commandFailed(`in ${name} neither slot gets any traffic: both have the weight 0`);
  return new Map(
    slots.map(({ slot, backends }) => [slot, Number(((sumOf(backends) / ours) * 100).toFixed(2))] as const),
  );
}

function serviceOf({ service: { namespace, name } }: Pick<Slot, 'service'>): string {
  return `${namespace}/${name}`;
}

function sumOf(backends: readonly Backend[]): number {
  return backends.reduce((sum, { weight }) => sum + weight, 0);
}
