import type { BothSlots, Cluster, Place, SlotState } from '../../kubernetes/index.ts';
import type { Evidence, Observation, RunbookParts } from '../../plugin/index.ts';
import type { RunContext } from '../../util/index.ts';

/** In percent, by the name of the slot. */
export type SlotShares = ReadonlyMap<string, number>;

/** Which slot is whose. */
export interface Roles {
  readonly blue: SlotState;
  readonly green: SlotState;
}

/** What keeps the shares of the two slots: routes, or the selector of a Service. */
export interface SlotTraffic {
  /**
   * After it resolves, green's slot gets so many percent of the traffic of both slots, and the gateways have accepted that, where
   * they say so. For 0 it does all that can be done before it throws.
   */
  set(percentage: number, roles: Roles, run: RunContext): Promise<Evidence>;
  /** @throws ApplicationFailure `TrafficDisagrees` if routes disagree, `CommandFailed` if they cannot be read. */
  read(states: BothSlots, run: RunContext): Promise<SlotShares>;
  /** Who else changed it last, and how to keep them from it; undefined if nobody is known to. */
  lastChange(run: RunContext): Promise<string | undefined>;
  /** What it changes, and in which namespaces. */
  readonly namespaces: readonly string[];
  preflight(run: RunContext): Promise<Observation>;
}

export interface Means {
  readonly cluster: Cluster;
  readonly place: Place;
  readonly steps: RunbookParts['traffic'];
  /** How long a change may take until it is in effect, in milliseconds. */
  readonly settleMs: number;
}

/** `rec-blue 50 %, rec-green 50 %` */
export function shareWords(shares: SlotShares): string {
  return [...shares].map(([slot, share]) => `${slot} ${share} %`).join(', ');
}
