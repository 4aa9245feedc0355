import type { EvidenceLine } from '../domain/index.ts';
import type { Operation, RunContext } from '../util/index.ts';
import type { Observation } from './observation.ts';

/** What a change did, for the report: redacted, at most a few hundred characters a line. */
export type Evidence = readonly EvidenceLine[];

/**
 * The port through which versions run. Every change is a desired state: it may be asked for twice. All functions throw an
 * ApplicationFailure of type `CommandFailed` when the platform refuses, and reject promptly, with everything they started
 * ended, when the signal aborts.
 */
export interface Workload {
  /** After it returns, green runs at 0 % of the traffic. It need not be healthy yet. */
  deploy(operation: Operation, run: RunContext): Promise<Evidence>;
  /** After it returns, green stops; it has 15 seconds. Called when all traffic is back on blue. */
  stop(operation: Operation, run: RunContext): Promise<Evidence>;
  /** Resolves with evidence if `version` is healthy now. @throws ApplicationFailure `GreenUnhealthy`, retryable, if not. */
  checkHealth(version: string, run: RunContext): Promise<Evidence>;
  /** What the platform knows of a version's instances, for the error of a green that does not get healthy. */
  describe?(version: string, run: RunContext): Promise<Evidence>;
  /** Whether everything is there that a deployment needs. Changes nothing. */
  preflight?(run: RunContext): Promise<Observation>;
}
