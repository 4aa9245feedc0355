import { setTimeout as sleep } from 'node:timers/promises';
import { nameOf, type ObjectRef, slotsOf, whyUnknown } from '../../kubernetes/index.ts';
import { commandFailed, type Evidence, trafficDisagrees } from '../../plugin/index.ts';
import { messageOf, type RunContext, redact } from '../../util/index.ts';
import { type Acceptance, acceptanceOf, acceptanceWords } from './accepted.ts';
import { lastChangeOf } from './gitops.ts';
import { type OurRule, ourRules, problemOf, sharesIn, shiftRule } from './our-rules.ts';
import { preflightRoutes } from './preflight.ts';
import type { Route, RouteKind } from './route-kinds.ts';
import { type Means, type Roles, type SlotShares, type SlotTraffic, shareWords } from './traffic.ts';

const BETWEEN_READS_MS = 500;

export interface RoutesKeys {
  /** Names, in the workload's namespace, or `namespace/name`. */
  readonly routes: readonly string[];
}

/** The weights of the two slots' Services in all routes that the runbook names. */
export function routeTraffic(kind: RouteKind, { routes }: RoutesKeys, means: Means): SlotTraffic {
  const { cluster, place, settleMs } = means;
  const slots = slotsOf(place);
  const refs = routes.map((route): ObjectRef => {
    const [first = '', second] = route.split('/');
    const { resource } = kind;
    return second === undefined
      ? { resource, namespace: place.namespace, name: first }
      : { resource, namespace: first, name: second };
  });

  async function read(ref: ObjectRef, run: RunContext): Promise<Route> {
    const route = await cluster.get<Route>(ref, run);
    if (route) return route;
    const unknown = await whyUnknown(cluster, ref.resource, run);
    if (unknown !== undefined)
      throw commandFailed(`${unknown}: install ${kind.since} or later, or correct router.kind`);
    throw commandFailed(`there is no ${nameOf(ref)}: correct router.routes, or create it`);
  }

  const rulesIn = (ref: ObjectRef, route: Route): readonly OurRule[] => ourRules(kind, ref, route, slots);
  const readRules = async (run: RunContext): Promise<readonly OurRule[]> =>
    (await Promise.all(refs.map(async (ref) => rulesIn(ref, await read(ref, run))))).flat();

  /** Writes what can be written. @throws ApplicationFailure `CommandFailed` if a rule cannot give green this share. */
  async function write(ref: ObjectRef, percentage: number, { green }: Roles, run: RunContext): Promise<Route> {
    let problems: string[] = [];
    const changed = await cluster.change<Route>(
      ref,
      (route) => {
        problems = [];
        return rulesIn(ref, route).flatMap((rule) => {
          if (percentage > 0) return shiftRule(rule, green.name, percentage);
          if (hasOnlyBlue(rule, green.name)) return []; // nothing to take back
          try {
            return shiftRule(rule, green.name, 0);
          } catch (error) {
            problems.push(messageOf(error));
            return [];
          }
        });
      },
      run,
    );
    if (problems.length > 0) throw commandFailed(problems.join('; '));
    return changed;
  }

  /** @throws ApplicationFailure `CommandFailed` if a gateway refuses the route, or does not answer in time. */
  async function confirm(ref: ObjectRef, written: Route, percentage: number, run: RunContext): Promise<Acceptance> {
    const until = Date.now() + settleMs;
    let route = written;
    for (;;) {
      const acceptance = acceptanceOf(route);
      // A Service that is missing does not keep traffic from blue: a rollback proves blue's own health.
      const refused = acceptance.refused.find(({ condition }) => percentage > 0 || condition === 'Accepted');
      if (acceptance.awaited.length === 0 && !refused) return acceptance;
      const problem = refused
        ? redact(refused.words)
        : `${acceptance.awaited.join(' and ')} has not accepted generation ${route.metadata.generation}`;
      if (Date.now() + BETWEEN_READS_MS > until)
        throw commandFailed(
          `${nameOf(ref)} was changed, but is not known to be in effect after ${Math.round(settleMs / 1_000)} s: ${problem}`,
        );
      run.heartbeat({ doing: `waiting until the gateway accepts ${nameOf(ref)}`, problem });
      await sleep(BETWEEN_READS_MS, undefined, { signal: run.signal }).catch(() => run.signal.throwIfAborted());
      route = await read(ref, run);
    }
  }

  async function setOne(ref: ObjectRef, percentage: number, roles: Roles, run: RunContext): Promise<Evidence> {
    const written = await write(ref, percentage, roles, run);
    const acceptance = await confirm(ref, written, percentage, run);
    return [
      ...rulesIn(ref, written).map((rule) => ({ what: rule.name, measured: shareWords(sharesIn(rule)) })),
      {
        what: `${nameOf(ref)}, generation ${written.metadata.generation}`,
        measured: acceptanceWords(acceptance),
        source: 'its status',
      },
    ];
  }

  return {
    namespaces: [...new Set(refs.map(({ namespace }) => namespace))],

    async set(percentage, roles, run) {
      // Nothing is written if one of the routes cannot be shifted.
      if (percentage > 0) for (const rule of await readRules(run)) shiftRule(rule, roles.green.name, percentage);
      const evidence: Evidence[] = [];
      const failed: string[] = [];
      for (const ref of refs)
        try {
          evidence.push(await setOne(ref, percentage, roles, run));
        } catch (error) {
          run.signal.throwIfAborted();
          failed.push(messageOf(error));
          if (percentage > 0) break; // a shift that is half done is rolled back; a rollback goes on
        }
      if (failed.length === 0) return evidence.flat();
      const done = refs.length === 1 ? '' : ` (${evidence.length} of ${refs.length} routes have ${percentage} %)`;
      throw commandFailed(`${failed.join('; ')}${done}`);
    },

    async read(_, run): Promise<SlotShares> {
      const [first, ...others] = (await readRules(run)).map((rule) => ({ name: rule.name, shares: sharesIn(rule) }));
      if (!first) throw commandFailed('router.routes names no route');
      const differing = others.find(({ shares }) => shareWords(shares) !== shareWords(first.shares));
      if (!differing) return first.shares;
      throw trafficDisagrees(
        `the routes do not agree: ${first.name} has ${shareWords(first.shares)}, ${differing.name} has ${shareWords(differing.shares)}`,
      );
    },

    async lastChange(run) {
      const said = await Promise.all(refs.map(async (ref) => lastChangeOf(await read(ref, run), ref, kind.changed)));
      return said.find((each) => each !== undefined);
    },

    preflight: (run) => preflightRoutes({ kind, refs, read, means }, run),
  };
}

function hasOnlyBlue(rule: OurRule, green: string): boolean {
  return problemOf(rule) !== undefined && rule.ours > 0 && sharesIn(rule).get(green) === 0;
}
