import type { Operation, RunContext } from '../util/index.ts';
import type { Observation } from './observation.ts';
import type { Evidence } from './workload.ts';

/** Which version gets how many percent of the traffic; a version that runs without traffic has 0. */
export type TrafficShares = Readonly<Record<string, number>>;

/** The fixed slot (a backend, a service, a workload) in which each version runs, by the names of both. */
export type Slots = Readonly<Record<string, string>>;

/**
 * The port through which traffic moves. A change is a desired state: it may be asked for twice. Both functions throw an
 * ApplicationFailure of type `CommandFailed` when the router refuses, and reject promptly, with everything they started
 * ended, when the signal aborts. `readTraffic` throws `TrafficDisagrees` when parts of the router split the traffic differently.
 */
export interface Router {
  /**
   * After it returns, the router has accepted that green gets so many percent of the traffic, 0 to 100, and blue the rest. 0 is
   * a rollback.
   */
  setTraffic(operation: Operation, greenPercentage: number, run: RunContext): Promise<Evidence>;
  /** The shares as the router reports them; undefined where it cannot report any. */
  readTraffic(run: RunContext): Promise<TrafficShares | undefined>;
  /**
   * Waits until the requests that green still had have ended. Called when all traffic is back on blue, before green is stopped.
   * It takes seconds at most, and resolves with what is left.
   */
  drain?(run: RunContext): Promise<Evidence>;
  /**
   * `readTraffic` reads what was ordered from others, who may carry it out late or not at all, such as the proxies of a gateway.
   * A rollback then stops green when the metrics show that it gets no requests.
   */
  readonly followsLater?: true;
  /** Where each version runs, for metrics that are counted by slot; undefined where nothing is known. */
  readSlots?(run: RunContext): Promise<Slots | undefined>;
  /**
   * Who other than bluegreen changed the traffic last, and what keeps them from it, in words for people. Asked when the traffic is
   * not as it was set; undefined where nobody is known.
   */
  lastChange?(run: RunContext): Promise<string | undefined>;
  /** Whether everything is there that a shift needs. Changes nothing. */
  preflight?(run: RunContext): Promise<Observation>;
}
