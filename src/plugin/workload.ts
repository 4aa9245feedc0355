import type { EvidenceLine } from '../domain/index.ts';
import type { Operation, RunContext } from '../util/index.ts';
import type { Observation } from './observation.ts';

/** What a change did, for the report: redacted, at most a few hundred characters a line. */
export type Evidence = readonly EvidenceLine[];

/** What the platform knows of the instances of one version. */
export interface InstancesSeen {
  readonly instances: number;
  /** How many of them get requests. */
  readonly ready: number;
  /** How often each was restarted since it exists, by name; those that never were may be missing. */
  readonly restarts: Readonly<Record<string, number>>;
  /** What is wrong with them, in words for people. */
  readonly problems: readonly string[];
}

/**
 * The port through which versions run. Every change is a desired state: it may be asked for twice. All functions throw an
 * ApplicationFailure of type `CommandFailed` when the platform refuses, and reject promptly, with everything they started
 * ended, when the signal aborts.
 */
export interface Workload {
  /** After it returns, green runs at 0 % of the traffic. It need not be healthy yet. */
  deploy(operation: Operation, run: RunContext): Promise<Evidence>;
  /**
   * After it returns, green stops. Called when all traffic is back on blue, and then it has 15 seconds. It also retires blue at the
   * end of `keepBlue`, on a workload whose target has the roles swapped: green is the version to stop, blue the one that serves.
   */
  stop(operation: Operation, run: RunContext): Promise<Evidence>;
  /**
   * Resolves with evidence if `version` is healthy now. @throws ApplicationFailure `GreenUnhealthy` if not: retryable, or final
   * (`greenNeverHealthy`) if waiting does not help.
   */
  checkHealth(version: string, run: RunContext): Promise<Evidence>;
  /** What the platform knows of a version's instances, for the error of a green that does not get healthy. */
  describe?(version: string, run: RunContext): Promise<Evidence>;
  /**
   * The instances of each version that runs, while green has traffic: called at each poll, so it has to be cheap. A version that
   * is missing is not known.
   */
  observe?(run: RunContext): Promise<Readonly<Record<string, InstancesSeen>>>;
  /**
   * Whether everything is there that a deployment needs: before green is deployed, and again right before its first traffic, with
   * `greenIsUp`. Changes nothing.
   */
  preflight?(run: RunContext, when: { readonly greenIsUp: boolean }): Promise<Observation>;
}
