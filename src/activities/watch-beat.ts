import type { Info } from '@temporalio/activity';
import type { WatchInput } from '../domain/index.ts';

/** A cancellation is learned from the answer to a heartbeat: while a person may approve, it must not take longer. */
const GATE_BEAT_MS = 2_000;
/** The rest of the timeout is for a worker or a server that is slow for a moment. */
const PART_OF_TIMEOUT = 0.8;
/** Where an attempt was believed lost, perhaps everything is slow. */
const PART_AFTER_LOSS = 0.4;
/** Without one, as in a test. */
const USUAL_TIMEOUT_MS = 10_000;

/**
 * The time between two heartbeats of a window, in milliseconds. In a soak there are as few as it takes to notice a lost worker
 * within the heartbeat timeout: thousands of deployments may soak at once, and Temporal Cloud charges for each heartbeat. What a
 * lost worker has seen since its last one is read again, since the counters are cumulative. Only a soak that is read every few
 * seconds has more of them, because people follow it live.
 */
export function beatMs(
  { pollMs, healthyFrom }: Pick<WatchInput, 'pollMs' | 'healthyFrom'>,
  { heartbeatTimeoutMs = USUAL_TIMEOUT_MS, attempt }: Pick<Info, 'heartbeatTimeoutMs' | 'attempt'>,
): number {
  const isAtGate = healthyFrom === undefined; // only a window of a soak may end at the first healthy verdict
  const part = attempt > 1 ? PART_AFTER_LOSS : PART_OF_TIMEOUT;
  return Math.min(part * heartbeatTimeoutMs, isAtGate ? Math.min(GATE_BEAT_MS, 2 * pollMs) : 2 * pollMs);
}
