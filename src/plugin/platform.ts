import type { EvidenceLine } from '../domain/index.ts';
import type { Operation, RunContext } from '../util/index.ts';

/** Which version gets how many percent of the traffic; a version that runs without traffic stands with 0. */
export type TrafficShares = Readonly<Record<string, number>>;

/** What a change did, for the report: redacted, at most a few hundred characters a line. */
export type Evidence = readonly EvidenceLine[];

/**
 * The port through which deploy, shift and rollback happen. Every change is a desired state: it may be asked for twice.
 * All throw an ApplicationFailure of type `CommandFailed` when the platform says no, and reject promptly, with
 * everything they started ended, when `signal` aborts.
 */
export interface Platform {
  /** After it returns, green runs at 0 % of the traffic (it need not be healthy yet). */
  deploy(operation: Operation, attendance: RunContext): Promise<Evidence>;
  /** After it returns, the platform has accepted that green gets `percentage` of the traffic; read it back. */
  shiftTraffic(operation: Operation, percentage: number, attendance: RunContext): Promise<Evidence>;
  /** After it returns, the platform has accepted that blue gets all traffic and green stops; read it back. */
  rollBack(operation: Operation, attendance: RunContext): Promise<Evidence>;
  /** The shares as the platform reports them; undefined where it has no way to tell. */
  readTraffic(attendance: RunContext): Promise<TrafficShares | undefined>;
  /** Resolves with evidence if `version` answers its health check now; throws `GreenUnhealthy` (retryable) if not. */
  checkHealth(version: string, attendance: RunContext): Promise<Evidence>;
}
