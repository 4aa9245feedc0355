import { NO_HISTORY, remember } from '../../src/cli/view/phase-history.ts';
import type { DeploymentSnapshot } from '../../src/cli/view/snapshot.ts';
import type { WatchHeartbeat } from '../../src/domain/activity-results.ts';
import { type DeploymentStatus, isClosed, type Phase } from '../../src/domain/status.ts';
import type { Counts } from '../../src/judge/rules.ts';
import { statusIn } from './status.ts';

const POLL_MS = 10_000;

/** A deployment in this phase, seen so long after its start, with what the phases before have left. */
export function sightIn(phase: Phase, startedAt: number, afterMs: number): DeploymentSnapshot {
  const status = withRealTimes(statusIn(phase, startedAt));
  const state = isClosed(phase) ? 'COMPLETED' : 'RUNNING';
  const server = { workflowId: 'blue-green/production/shop', runId: 'run-1', state, startedAt, pending: [] } as const;
  return { at: startedAt + afterMs, status, server, past: remember(NO_HISTORY, { status }) };
}

/** The other tests are in a hurry. */
function withRealTimes(status: DeploymentStatus): DeploymentStatus {
  const { plan } = status;
  if (!plan) return status;
  const checklist = { ...plan.checklist, timeoutMs: 30 * 60_000 - 400 };
  const traffic = plan.traffic.map((step) => ({ ...step, soakMs: 10 * 60_000 }));
  return { ...status, plan: { ...plan, checklist, traffic, watch: { ...plan.watch, pollMs: POLL_MS } } };
}

/** The same with a running window that has just brought these counts, one after the other, each of 200 requests. */
export function withReadings(
  sight: DeploymentSnapshot,
  greenFailed: readonly number[],
  judged: Partial<WatchHeartbeat> = {},
): DeploymentSnapshot {
  const from = sight.at - greenFailed.length * POLL_MS;
  let past = sight.past ?? NO_HISTORY;
  let live: WatchHeartbeat | undefined;
  let green: Counts = { requests: 0, failed: 0, slow: 0 };
  greenFailed.forEach((failed, index) => {
    const blue = { requests: 200 * (index + 1), failed: 0, slow: 0 };
    green = { requests: blue.requests, failed: green.failed + failed, slow: green.slow + 2 };
    live = {
      verdict: 'inconclusive',
      reason: 'nothing is proven yet',
      ...judged,
      from,
      to: from + (index + 1) * POLL_MS,
      blue,
      green,
      watchState: { cursor: null, judge: null, soakStartedAt: from },
      latest: {
        intervalMs: POLL_MS,
        blue: { requests: 200, failed: 0, slow: 0, meanMs: 12 },
        green: { requests: 200, failed, slow: 2, meanMs: 14 },
      },
    };
    past = remember(past, { live });
  });
  return { ...sight, past, ...(live ? { live } : {}) };
}
