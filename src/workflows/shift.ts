import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow';
import { FAILURE, type Freeze, shiftBegun, type TrafficStep, type WatchState } from '../domain/index.ts';
import { workForSure } from './activity-proxy.ts';
import type { Deployment } from './deployment.ts';
import { overridden, waitOutFreezes } from './hold.ts';

/** What there was before a shift, to go on from while a freeze holds it. */
interface Before {
  /** The step that is watched; none before the first shift. */
  readonly step: TrafficStep | undefined;
  readonly watchState: WatchState;
  /** Proves once more that green may get traffic, and reads the metrics anew. */
  readonly proveReady: () => Promise<WatchState>;
}

/** Shifts the traffic to a step as soon as no freeze holds it. Returns what the watch carries on from. */
export async function shiftTraffic(deployment: Deployment, to: TrafficStep, before: Before): Promise<WatchState> {
  let { watchState } = before;
  for (let freezes = await tryToShift(deployment, to); freezes; freezes = await tryToShift(deployment, to)) {
    watchState = await waitOutFreezes(deployment, freezes, before.step, watchState);
    if (!before.step) watchState = await before.proveReady();
  }
  return watchState;
}

/** Returns the freezes that held it; nothing when the traffic is shifted. */
async function tryToShift(deployment: Deployment, { percentage }: TrafficStep): Promise<readonly Freeze[] | undefined> {
  const { target, shift } = deployment.plan();
  deployment.change(shiftBegun);
  const overriddenFreezes = overridden(deployment);
  try {
    await workForSure(`shift to ${percentage} %`, shift.timeoutMs).shiftTraffic({
      target,
      percentage,
      ...shift,
      ...(overriddenFreezes.length > 0 && { overriddenFreezes }),
    });
    return undefined;
  } catch (error) {
    const freezes = freezesIn(error);
    if (!freezes) throw error;
    return freezes;
  }
}

function freezesIn(error: unknown): readonly Freeze[] | undefined {
  if (!(error instanceof ActivityFailure) || !(error.cause instanceof ApplicationFailure)) return undefined;
  const { type, details } = error.cause;
  return type === FAILURE.Frozen ? ((details?.[0] as readonly Freeze[] | undefined) ?? []) : undefined;
}
