import {
  type BothSlots,
  blueAndGreen,
  observeAccess,
  openCluster,
  type Place,
  placeOf,
  readSlots,
  type SlotState,
  slotWords,
} from '../../kubernetes/index.ts';
import {
  commandFailed,
  type Evidence,
  type Observation,
  type PlatformContext,
  type Router,
  routerKind,
  type Slots,
  type TrafficShares,
} from '../../plugin/index.ts';
import { fenced } from '../../processes/index.ts';
import type { RunContext } from '../../util/index.ts';
import { ROUTER_ROLE, routerAccessRules } from './access-rules.ts';
import { ROUTE_KINDS } from './route-kinds.ts';
import { routeTraffic } from './routes.ts';
import { routesSchema, serviceSchema, stepProblems, workloadProblems } from './schema.ts';
import { serviceTraffic } from './service.ts';
import type { Means, SlotShares, SlotTraffic } from './traffic.ts';

/** A gateway that has not answered within this is not believed to. Half of the router's timeout, if that is shorter. */
const SETTLE_MS = 30_000;

export const httpRouteRouter = routesRouter('http-route', 'The weights of backends in HTTPRoutes of the Gateway API.');
export const grpcRouteRouter = routesRouter('grpc-route', 'The weights of backends in GRPCRoutes of the Gateway API.');
export const virtualServiceRouter = routesRouter(
  'virtual-service',
  'The weights of destinations in VirtualServices of Istio.',
);

export const serviceRouter = routerKind({
  kind: 'service',
  summary: 'The selector of a Kubernetes Service, which selects the pods of one slot or of the other: 0 or 100 % only.',
  schema: serviceSchema,
  problems: ({ service }, runbook) => [...workloadProblems(runbook), ...stepProblems(runbook, service)],
  create: ({ service, timeout }, context) =>
    slotRouter({ kind: 'service', timeout }, context, (means) => serviceTraffic(service, means)),
});

function routesRouter(kind: keyof typeof ROUTE_KINDS, summary: string) {
  return routerKind({
    kind,
    summary,
    schema: routesSchema,
    problems: (_, runbook) => workloadProblems(runbook),
    create: (config, context) =>
      slotRouter({ kind, timeout: config.timeout }, context, (means) => routeTraffic(ROUTE_KINDS[kind], config, means)),
  });
}

/**
 * Two slots that take turns. Which version is in which is read from the pod templates, and the shares from the cluster: nothing is
 * remembered.
 */
function slotRouter(
  { kind, timeout }: { readonly kind: Parameters<typeof routerAccessRules>[0]; readonly timeout: number },
  { target, env, runbook }: PlatformContext,
  open: (means: Means) => SlotTraffic,
): Router {
  const rules = routerAccessRules(kind);
  const place = placeIn(runbook);
  const cluster = openCluster(place.cluster, env);
  const settleMs = Math.min(SETTLE_MS, timeout / 2);
  const traffic = open({ cluster, place, steps: runbook.traffic, settleMs });
  const slots = (run: RunContext): Promise<BothSlots> => readSlots(cluster, place, target, run);

  async function set(percentage: number, run: RunContext): Promise<Evidence> {
    const states = await slots(run);
    const isClear = states.filter(({ version }) => version === target.blue).length === 1;
    const said = isClear ? undefined : slotsByVersion(states, await traffic.read(states, run));
    const roles = blueAndGreen(states, target, said);
    if (percentage > 0) assertReady(roles.green, target.green);
    return traffic.set(percentage, roles, run);
  }

  return {
    followsLater: true,
    setTraffic: (operation, percentage, run) => fenced(operation, run, (mine) => set(percentage, mine)),

    async readTraffic(run): Promise<TrafficShares> {
      const states = await slots(run);
      const shares = await traffic.read(states, run);
      const byVersion = new Map<string, number>();
      for (const { name, version = `unknown version in ${name}` } of states)
        byVersion.set(version, (byVersion.get(version) ?? 0) + (shares.get(name) ?? 0));
      return Object.fromEntries(byVersion);
    },

    async readSlots(run): Promise<Slots> {
      const states = await slots(run);
      const [first, second] = states;
      if (first.version !== second.version) return slotsByVersion(states, new Map());
      const shares = await traffic.read(states, run);
      if (states.every(({ name }) => (shares.get(name) ?? 0) > 0))
        throw commandFailed(`both slots have traffic and one version: ${states.map(slotWords).join(', ')}`);
      return slotsByVersion(states, shares);
    },

    lastChange: (run) => traffic.lastChange(run),
    async preflight(run): Promise<Observation> {
      const found = [
        ...traffic.namespaces.map((namespace) => observeAccess(cluster, { namespace, rules, role: ROUTER_ROLE }, run)),
        traffic.preflight(run),
      ];
      const all = await Promise.all(found);
      return { evidence: all.flatMap(({ evidence }) => evidence), problems: all.flatMap(({ problems }) => problems) };
    },
  };
}

/** The slot of each version. Where both slots have one version, it is that of the slot with more traffic. */
function slotsByVersion(states: BothSlots, shares: SlotShares): Slots {
  const shareOf = ({ name }: SlotState): number => shares.get(name) ?? 0;
  const rising = [...states].sort((one, other) => shareOf(one) - shareOf(other));
  return Object.fromEntries(rising.flatMap(({ name, version }) => (version === undefined ? [] : [[version, name]])));
}

/** @throws ApplicationFailure `CommandFailed` if the slot has another version, or nothing that could answer. */
function assertReady(slot: SlotState, version: string): void {
  if (slot.version !== version)
    throw commandFailed(`nothing is shifted to ${slot.name}: ${slotWords(slot)}, expected ${version}`);
  if (slot.ready === 0)
    throw commandFailed(`nothing is shifted to ${slot.name}: none of its ${slot.wanted} replicas is ready`);
}

function placeIn({ workload }: PlatformContext['runbook']): Place {
  const place = placeOf(workload);
  if (place) return place;
  throw commandFailed(`this router needs workload.kind kubernetes, found "${workload.kind}": correct the runbook`);
}
