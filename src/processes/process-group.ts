import { setTimeout as delay } from 'node:timers/promises';
import { errorCode } from '../util/index.ts';

/** How long a group has to end by itself after SIGTERM. */
const GRACE_MS = 5_000;
const LOOK_EVERY_MS = 20;

/**
 * Ends every process of the group that `leader` leads: SIGTERM, and SIGKILL for those still there after five seconds.
 * Never throws: a group that is gone is what was wanted.
 */
export async function endGroup(leader: number): Promise<void> {
  signalGroup(leader, 'SIGTERM');
  const deadline = Date.now() + GRACE_MS;
  while (Date.now() < deadline) {
    if (!signalGroup(leader, 0)) return;
    await delay(LOOK_EVERY_MS);
  }
  signalGroup(leader, 'SIGKILL');
}

/** @returns whether the group still has a member. */
export function signalGroup(leader: number, signal: 'SIGTERM' | 'SIGKILL' | 0): boolean {
  try {
    return process.kill(-leader, signal);
  } catch (error) {
    return errorCode(error) !== 'ESRCH';
  }
}
