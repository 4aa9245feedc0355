import type { DeploymentTarget } from '../domain/index.ts';
import type { InstancesSeen, Workload } from '../plugin/index.ts';
import { messageOf } from '../util/index.ts';

/** The watch waits so long for the platform at most: the metrics decide, and may not come late for it. */
const PATIENCE_MS = 2_000;
const LONGEST_NOTE = 300;

type Versions = Pick<DeploymentTarget, 'blue' | 'green'>;
/** How often each instance of green was restarted so far, by name. */
export type Restarts = Readonly<Record<string, number>>;

/** What the platform says of the instances of both versions at one poll; nothing where it is not asked. */
export interface InstancesLook {
  readonly green?: InstancesSeen | undefined;
  readonly blue?: InstancesSeen | undefined;
  /** Why it could not be asked. */
  readonly problem?: string;
}

/** Asks the platform for the instances. Never throws: that it cannot be asked says nothing about the release. */
export async function lookAtInstances(
  workload: Workload,
  versions: Versions,
  signal: AbortSignal,
): Promise<InstancesLook> {
  if (!workload.observe) return {};
  const timeout = AbortSignal.timeout(PATIENCE_MS);
  try {
    const either = AbortSignal.any([signal, timeout]);
    // Also where it does not heed its signal: nobody would watch meanwhile.
    const seen = await Promise.race([workload.observe({ signal: either, heartbeat() {} }), rejectionBy(either)]);
    return { green: seen[versions.green], blue: seen[versions.blue] };
  } catch (error) {
    if (timeout.aborted) return { problem: `it did not answer within ${PATIENCE_MS / 1_000} s` };
    return { problem: messageOf(error) };
  }
}

function rejectionBy(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void => reject(signal.reason as Error);
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}

/** What the judge learns from a look: the restarts since the look before, and whether only green has no instance that is ready. */
export interface InstancesNews {
  readonly restarted: Restarts;
  readonly isGreenDown: boolean;
}

/** @param before the restarts at the look before; without it nothing is new: what green did before it had traffic does not count */
export function newsOf({ green, blue }: InstancesLook, before: Restarts | undefined): InstancesNews {
  const fresh = Object.entries(green?.restarts ?? {}).flatMap(([name, count]) => {
    const known = before?.[name] ?? 0;
    // An instance of the same name may be a new one.
    const more = count >= known ? count - known : count;
    return before && more > 0 ? [[name, more] as const] : [];
  });
  return { restarted: Object.fromEntries(fresh), isGreenDown: green?.ready === 0 && (blue?.ready ?? 0) > 0 };
}

/** The reason of a verdict, with what the platform says is wrong. */
export function withInstances(reason: string, { green, problem }: InstancesLook, { green: version }: Versions): string {
  if (problem !== undefined)
    return `${reason} (the platform could not be asked for the instances: ${problem})`.slice(
      0,
      reason.length + LONGEST_NOTE,
    );
  if (!green) return reason;
  const { instances, ready, problems } = green;
  const counts =
    ready < instances || instances === 0 ? [`${ready} of ${instances} instances of ${version} are ready`] : [];
  const wrong = [...counts, ...problems].join('; ').slice(0, LONGEST_NOTE);
  return wrong === '' ? reason : `${reason} (the platform says: ${wrong})`;
}
