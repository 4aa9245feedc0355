import { nameOf, type ObjectRef, refusedWith, type Slot, slotsOf } from '../../kubernetes/index.ts';
import type { Evidence, Observation, Problem } from '../../plugin/index.ts';
import { messageOf, type RunContext, redact } from '../../util/index.ts';
import { acceptanceOf, acceptanceWords } from './accepted.ts';
import { ownerWords } from './gitops.ts';
import { mirrorsToSlots, type OurRule, ourRules, problemOf, sharesIn, shiftRule } from './our-rules.ts';
import type { Route, RouteKind } from './route-kinds.ts';
import { type Means, shareWords } from './traffic.ts';

type Read = (ref: ObjectRef, run: RunContext) => Promise<Route>;

interface Asked {
  readonly kind: RouteKind;
  readonly refs: readonly ObjectRef[];
  readonly read: Read;
  readonly means: Means;
}

/** Whether each route is there, is accepted by its gateways, and can give every share that the runbook's steps ask for. */
export async function preflightRoutes(asked: Asked, run: RunContext): Promise<Observation> {
  const found = await Promise.all(asked.refs.map((ref) => preflightRoute(ref, asked, run)));
  return { evidence: found.flatMap(({ evidence }) => evidence), problems: found.flatMap(({ problems }) => problems) };
}

async function preflightRoute(ref: ObjectRef, { kind, read, means }: Asked, run: RunContext): Promise<Observation> {
  try {
    const route = await read(ref, run);
    const acceptance = acceptanceOf(route);
    const slots = slotsOf(means.place);
    const rules = ourRules(kind, ref, route, slots);
    const gateway: Problem[] = [
      ...acceptance.refused.map(({ words }) => ({
        found: `${nameOf(ref)} is not in effect: ${redact(words)}`,
        unblock: `correct ${nameOf(ref)} or its gateway until it is accepted, then recheck`,
      })),
      ...acceptance.awaited.map((parent) => ({
        found: `${parent} has not accepted the newest generation of ${nameOf(ref)}`,
        unblock: 'look whether the controller of the gateway runs, then recheck',
      })),
      ...acceptance.errors.map((error) => ({
        found: `Istio's analysis of ${nameOf(ref)} says ${redact(error)}`,
        unblock: `correct what "istioctl analyze --namespace ${ref.namespace}" says of it, then recheck; Istio may need some seconds until it says so`,
      })),
    ];
    const mirrors = mirrorsToSlots(kind, ref, route, slots).map((found) => ({
      found,
      unblock: 'remove the mirror until the deployment is over, then recheck',
    }));
    const owner = ownerWords(route, ref, kind.changed);
    const evidence: Evidence = [
      { what: nameOf(ref), measured: acceptanceWords(acceptance), required: 'accepted', source: 'its status' },
      ...rules.map((rule) => ({
        what: rule.name,
        measured: rule.ours === 0 ? 'both slots have the weight 0' : shareWords(sharesIn(rule)),
      })),
      ...(owner === undefined ? [] : [{ what: `who else owns ${nameOf(ref)}`, measured: owner }]),
    ];
    return {
      evidence,
      problems: [...gateway, ...mirrors, ...rules.flatMap((rule) => stepProblems(rule, slots, means.steps))],
    };
  } catch (error) {
    run.signal.throwIfAborted();
    const found = messageOf(error);
    // The permission that is missing is a problem already.
    if (refusedWith(error) === 403) return { evidence: [{ what: nameOf(ref), measured: found }], problems: [] };
    return {
      evidence: [{ what: nameOf(ref), measured: found }],
      problems: [{ found, unblock: `correct the runbook or ${nameOf(ref)}, then recheck` }],
    };
  }
}

/** The first step of the runbook that this rule cannot do. */
function stepProblems(rule: OurRule, [slot]: readonly [Slot, Slot], steps: Means['steps']): Problem[] {
  const problem = problemOf(rule);
  if (problem !== undefined) return [{ found: problem, unblock: 'correct the rule, then recheck' }];
  for (const { percentage } of steps)
    try {
      shiftRule(rule, slot.name, percentage);
    } catch (error) {
      return [{ found: messageOf(error), unblock: 'correct the weights in the rule, then recheck' }];
    }
  return [];
}
