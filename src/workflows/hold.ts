import { ApplicationFailure, CancellationScope, condition } from '@temporalio/workflow';
import {
  type DeploymentRequest,
  decide,
  entered,
  FAILURE,
  FREEZE_DEFAULTS,
  type Freeze,
  type FreezePlan,
  freezeWords,
  heldBy,
  heldNoMore,
  type TrafficStep,
  type WatchState,
} from '../domain/index.ts';
import { work } from './activity-proxy.ts';
import type { Deployment } from './deployment.ts';
import { RollbackRequired } from './failures.ts';
import { notify } from './notify.ts';
import { watchUntil } from './soak.ts';

/** Reading the runbook, and asking Temporal whether the line is stopped. */
const ASK_MS = 30_000;

/**
 * Before anything is changed: returns when no freeze holds, or somebody who may has overridden it. After a wait the plan is made
 * anew, since the runbook and the version that serves may be others by then.
 * @throws ApplicationFailure `Frozen` when that takes longer than the runbook allows.
 */
export async function passFreezesAtStart(
  deployment: Deployment,
  request: DeploymentRequest,
  resolvePlan: () => Promise<void>,
): Promise<void> {
  const open = (): Freeze[] => freezePlan(deployment).now.filter(({ id }) => !overridden(deployment).includes(id));
  const begins = open();
  if (begins.length > 0 && request.overrideFreeze !== undefined) {
    const { requestedBy: by = '', overrideFreeze: reason } = request;
    holdBegins(deployment, begins);
    deployment.change((status, at) => decide(status, { action: 'overrideFreeze', by, reason }, at).status);
    deployment.change(heldNoMore);
  }
  for (let freezes = open(); freezes.length > 0; freezes = open()) {
    await hold(deployment, freezes, async ({ isOver, until }) => {
      if (!(await condition(isOver, until - Date.now(), { summary: 'a freeze holds the start' })))
        throw ApplicationFailure.nonRetryable(lateWords(freezes), FAILURE.Frozen);
    });
    deployment.change((status, at) => entered(status, 'resolving', at));
    await resolvePlan();
  }
}

/**
 * A freeze holds the next shift: returns when it has ended or was overridden. Meanwhile the watch of the step before goes on as
 * at a gate, and a breach rolls back at once; before the first shift green has no traffic to be watched.
 * @throws RollbackRequired on what ends a watch, and when the wait takes longer than the runbook allows.
 */
export function waitOutFreezes(
  deployment: Deployment,
  freezes: readonly Freeze[],
  before: TrafficStep | undefined,
  carried: WatchState,
): Promise<WatchState> {
  const late = (): RollbackRequired => new RollbackRequired('freeze-timeout', lateWords(freezes), Date.now());
  return hold(deployment, freezes, async ({ isOver, until }) => {
    if (before) return watchUntil(deployment, before, carried, { isOver, until, late });
    if (!(await condition(isOver, until - Date.now(), { summary: 'a freeze holds the first shift' }))) throw late();
    return carried;
  });
}

/** The ids of the freezes that do not count for this deployment any more. */
export function overridden(deployment: Deployment): readonly string[] {
  return deployment.status().overriddenFreezes ?? [];
}

interface Hold {
  readonly isOver: () => boolean;
  /** The end of the longest wait, epoch milliseconds. */
  readonly until: number;
}

async function hold<Result>(
  deployment: Deployment,
  freezes: readonly Freeze[],
  wait: (hold: Hold) => Promise<Result>,
): Promise<Result> {
  const until = holdBegins(deployment, freezes);
  void notify(deployment, 'held', 'warning', heldWords(deployment, freezes));
  let thawed = false;
  const isOver = (): boolean => thawed || isOverridden(deployment);
  const asking = async (): Promise<void> => {
    await thaw(deployment, until);
    thawed = true;
  };
  const result = await CancellationScope.cancellable(async () => {
    const scope = CancellationScope.current();
    // Where it ends without an answer, the wait ends in its time.
    void asking().catch(() => undefined);
    try {
      return await wait({ isOver, until });
    } finally {
      scope.cancel();
    }
  });
  deployment.change(heldNoMore);
  return result;
}

function holdBegins(deployment: Deployment, freezes: readonly Freeze[]): number {
  const until = Date.now() + freezePlan(deployment).timeoutMs;
  deployment.change((status, at) => heldBy(status, freezes, at, until));
  return until;
}

/** Returns when all freezes have ended; those that hold meanwhile are kept in sight. */
async function thaw(deployment: Deployment, until: number): Promise<void> {
  const { target } = deployment.plan();
  const { timeoutMs } = freezePlan(deployment);
  for (;;) {
    const known = (deployment.status().held?.freezes ?? []).map(({ id }) => id);
    const freezes = await work('wait for the end of the freeze', ASK_MS, timeoutMs).awaitThaw({
      target,
      known,
      overriddenFreezes: overridden(deployment),
    });
    if (freezes.length === 0) return;
    deployment.change((status, at) => (status.held ? heldBy(status, freezes, at, until) : status));
  }
}

function isOverridden(deployment: Deployment): boolean {
  const { held } = deployment.status();
  return held?.freezes.every(({ id }) => overridden(deployment).includes(id)) ?? false;
}

function freezePlan(deployment: Deployment): FreezePlan {
  return deployment.plan().freeze ?? FREEZE_DEFAULTS;
}

function heldWords(deployment: Deployment, freezes: readonly Freeze[]): string {
  const { service, version, environment, greenPercentage } = deployment.status();
  const { override } = freezePlan(deployment);
  return [
    `${service} ${version} in ${environment} waits at ${greenPercentage} % for the end of ${freezes.map(freezeWords).join('; ')}.`,
    ...(override.length === 0 ? [] : [`To go on now: overrideFreeze by ${override.join(' or ')}.`]),
  ].join(' ');
}

function lateWords(freezes: readonly Freeze[]): string {
  return `It waited as long as the runbook allows (onFreeze.timeout) for the end of ${freezes.map(freezeWords).join('; ')}`;
}
