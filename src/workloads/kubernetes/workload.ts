import { setTimeout as sleep } from 'node:timers/promises';
import {
  assertLabel,
  type BothSlots,
  blueAndGreen,
  openCluster,
  type PodOwner,
  readSlots,
  type SlotState,
  slotWords,
} from '../../kubernetes/index.ts';
import {
  commandFailed,
  type Evidence,
  greenNeverHealthy,
  greenUnhealthy,
  type RunContext,
  type Slots,
  type Workload,
  workloadKind,
} from '../../plugin/index.ts';
import { fenced } from '../../processes/index.ts';
import { checkHealth, isAmbiguous } from '../check-health.ts';
import { deployVersion } from './deploy.ts';
import { slotHealth } from './health.ts';
import { observePods } from './observe.ts';
import { preflight } from './preflight/preflight.ts';
import { schema } from './schema.ts';

/**
 * Two slots that take turns, each a Deployment or StatefulSet with a Service. Which of them serves is read from the router and
 * the version labels: nothing is remembered.
 */
export const kubernetesWorkload = workloadKind({
  kind: 'kubernetes',
  summary: 'Two Deployments or StatefulSets on Kubernetes that take turns.',
  secretKeys: ['command', 'kubeconfig', 'url'],
  schema,
  warnings: ({ health }) =>
    health === undefined || !isAmbiguous(health, 'version', 'slot')
      ? []
      : [
          'workload.health has the same address for blue and green, and nothing in the answer has to show the version: an answer of blue passes for green. Put {slot} into the address, or add contains: "{version}".',
        ],
  create(config, context): Workload {
    const { target, env } = context;
    const { versionLabel, drain, health } = config;
    const cluster = openCluster(config.cluster, env);
    let watched: BothSlots | undefined;

    const slots = (run: RunContext) => readSlots(cluster, config, target, run);

    /** As the router says; undefined where it cannot say it now: the labels may be clear by themselves. */
    async function slotsOfRouter(run: RunContext): Promise<Slots | undefined> {
      try {
        return await context.router().readSlots?.(run);
      } catch {
        run.signal.throwIfAborted();
        return undefined;
      }
    }

    const both = async (run: RunContext, asked: Promise<Slots | undefined> | undefined) => {
      const [states, said] = await Promise.all([slots(run), asked]);
      return blueAndGreen(states, target, said);
    };

    /** @throws ApplicationFailure `GreenUnhealthy` if no slot has it. */
    async function slotOf(version: string, run: RunContext): Promise<SlotState> {
      const states = await slots(run);
      const having = states.filter((state) => state.version === version);
      const said = having.length > 1 ? (await slotsOfRouter(run))?.[version] : undefined;
      const found = having.find(({ name }) => name === said) ?? having[0];
      if (!found) throw greenUnhealthy(`${version} is in no slot: ${states.map(slotWords).join(', ')}`);
      return found;
    }

    /** Nothing is ever deployed into a slot that has traffic. */
    async function assertGreenIsIdle(run: RunContext): Promise<void> {
      const shares = await context.router().readTraffic(run);
      if (!shares || shares[target.blue] === 100) return;
      const said = Object.entries(shares).map(([version, percentage]) => `${version} ${percentage} %`);
      throw commandFailed(
        `nothing is deployed while the free slot may have traffic: the router says ${said.join(', ')}, expected ${target.blue} 100 %`,
      );
    }

    return {
      async deploy(operation, run): Promise<Evidence> {
        assertLabel(target.green);
        // Here the router has to say it: a slot that has traffic is never changed.
        const found = await both(run, context.router().readSlots?.(run));
        await assertGreenIsIdle(run);
        return deployVersion(
          { cluster, config, target, routed: routedBy(context.runbook.router) },
          found,
          operation,
          run,
        );
      },

      stop: (operation, run) =>
        fenced(operation, run, async (fencedRun): Promise<Evidence> => {
          const { green } = await both(fencedRun, slotsOfRouter(fencedRun));
          const what = `${green.owner.resource.kind} ${green.owner.name}`;
          if (green.version !== target.green)
            return [{ what, measured: `left as it is: ${slotWords(green)}, not ${target.green}` }];
          await sleep(drain, undefined, { signal: fencedRun.signal });
          await cluster.change<PodOwner>(
            green.owner,
            ({ spec: { replicas, template } }) =>
              replicas === 0 ||
              template.metadata?.labels?.[versionLabel] !== green.object?.spec.template.metadata?.labels?.[versionLabel]
                ? []
                : [{ op: 'add', path: '/spec/replicas', value: 0 }],
            fencedRun,
          );
          return [{ what, measured: `scaled to 0, ${drain / 1_000} s after its traffic was gone` }];
        }),

      async checkHealth(version, run): Promise<Evidence> {
        const slot = await slotOf(version, run);
        const { evidence, problem, isFinal } = await slotHealth(cluster, slot, { version, versionLabel }, run);
        if (problem !== undefined) throw isFinal ? greenNeverHealthy(problem) : greenUnhealthy(problem);
        if (health === undefined) return evidence;
        return [...evidence, ...(await checkHealth(health, { version, target, slot: slot.name }, run.signal))];
      },

      async describe(version, run): Promise<Evidence> {
        return (await slotHealth(cluster, await slotOf(version, run), { version, versionLabel }, run)).evidence;
      },

      async observe(run) {
        watched ??= await slots(run);
        return observePods(cluster, config, watched, run);
      },

      preflight: (run, { greenIsUp }) =>
        preflight({ cluster, config, target, greenIsUp, router: () => slotsOfRouter(run) }, run),
    };
  },
});

/** Services that a router changes itself. */
function routedBy(router: object): readonly string[] {
  const { service } = router as { readonly service?: unknown };
  return typeof service === 'string' ? [service] : [];
}
