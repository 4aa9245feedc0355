import {
  type BothSlots,
  blueAndGreen,
  type Cluster,
  observeAccess,
  readSlots,
  refusedWith,
  type SlotState,
} from '../../../kubernetes/index.ts';
import type { DeploymentTarget, Observation, Slots } from '../../../plugin/index.ts';
import { findPrograms } from '../../../processes/index.ts';
import { messageOf, type RunContext } from '../../../util/index.ts';
import { accessRules } from '../access-rules.ts';
import { slotHealth } from '../health.ts';
import { findBuilder } from '../kustomize.ts';
import type { Config } from '../schema.ts';
import { observeAutoscalers } from './autoscalers.ts';
import { observeBudgets } from './budgets.ts';
import { isFullSize } from './full-size.ts';
import { manifestRules } from './manifest-rules.ts';
import { observeOwners } from './owners.ts';
import { observeQuota } from './quota.ts';
import { observeServices } from './services.ts';
import { observeSlots } from './slots.ts';

interface Means {
  readonly cluster: Cluster;
  readonly config: Config;
  readonly target: DeploymentTarget;
  readonly greenIsUp: boolean;
  /** The slots by version, as the router says. */
  router(): Promise<Slots | undefined>;
}

const NOTHING: Observation = { evidence: [], problems: [] };

/** Whether the slots have all that a deployment needs. Changes nothing. */
export async function preflight(means: Means, run: RunContext): Promise<Observation> {
  const { cluster, config, target, greenIsUp } = means;

  /** What cannot be read for want of a permission is a problem already. */
  async function attempt(observe: () => Promise<Observation>): Promise<Observation> {
    try {
      return await observe();
    } catch (error) {
      run.signal.throwIfAborted();
      if (refusedWith(error) === 403) return NOTHING;
      const found = messageOf(error);
      return {
        evidence: [],
        problems: [{ found, unblock: 'correct workload in the runbook, or the cluster, then check again' }],
      };
    }
  }

  const access = await attempt(async () => {
    const rules = [...accessRules(config), ...(await manifestRules(cluster, { config, target }, run))];
    return observeAccess(cluster, { namespace: config.namespace, rules, role: 'bluegreen' }, run);
  });
  const programs = await observePrograms(config);
  let states: BothSlots | undefined;
  const slots = await attempt(async () => {
    states = await readSlots(cluster, config, target, run);
    return observeSlots(states, config);
  });
  if (!states) return joined([access, programs, slots]);
  const known = states;
  const said = await means.router();
  const roles = await attempt(async () => {
    if (target.blue === '') return NOTHING;
    const both = blueAndGreen(known, target, said);
    return joined(
      await Promise.all([
        attempt(() => observeQuota(cluster, both, config, run)),
        attempt(() => observeBlue(cluster, both.blue, config, run)),
        attempt(() => observeAutoscalers(cluster, both, { config, greenIsUp }, run)),
      ]),
    );
  });
  const others = await Promise.all([
    attempt(() => observeServices(cluster, known, run)),
    attempt(() => observeBudgets(cluster, known, config, run)),
  ]);
  return joined([access, programs, slots, roles, ...others, observeOwners(known, config)]);
}

/** A slot that serves with fewer pods than it should have is no side to go back to. */
async function observeBlue(
  cluster: Cluster,
  blue: SlotState,
  { versionLabel }: Config,
  run: RunContext,
): Promise<Observation> {
  if (blue.version === undefined || isFullSize(blue.ready, blue.wanted)) return NOTHING;
  const { evidence, problem } = await slotHealth(cluster, blue, { version: blue.version, versionLabel }, run);
  const unblock = `bring ${blue.name} to its full size, then recheck`;
  return {
    evidence,
    problems:
      problem === undefined ? [] : [{ found: `${blue.name}, which serves, is not complete: ${problem}`, unblock }],
  };
}

async function observePrograms({ command, env, kustomize }: Config): Promise<Observation> {
  const ofCommand = await findPrograms([{ key: 'workload.command', program: command?.[0] }], {
    key: 'workload.env',
    names: env,
  });
  if (kustomize === undefined) return ofCommand;
  const builder = await findBuilder();
  const measured = builder ? `found: ${builder.join(' ')}` : 'none';
  return joined([
    ofCommand,
    {
      evidence: [
        { what: 'program for kustomizations', measured, required: 'kustomize or kubectl', source: 'this worker' },
      ],
      problems: builder
        ? []
        : [
            {
              found: "neither kustomize nor kubectl is on the worker's PATH, which workload.kustomize needs",
              unblock: "put kustomize on the worker's PATH and restart the worker",
            },
          ],
    },
  ]);
}

function joined(observations: readonly Observation[]): Observation {
  return {
    evidence: observations.flatMap(({ evidence }) => evidence),
    problems: observations.flatMap(({ problems }) => problems),
  };
}
