import type { WindowResult } from '../../src/domain/activity-results.ts';
import type { DeploymentStatus, Phase } from '../../src/domain/status.ts';
import {
  blueRecovered,
  checklistBegun,
  checkMeasured,
  closed,
  entered,
  heldBy,
  opened,
  planned,
  rollbackBegun,
  roundBegun,
  roundFailed,
  soakProven,
  stepBegun,
  trafficRestored,
  windowClosed,
} from '../../src/domain/transitions.ts';
import { waitingFor } from '../../src/domain/waiting-for.ts';
import type { Verdict } from '../../src/judge/rules.ts';
import { CHECKS, failed, passed, planFor } from './world.ts';

const REQUEST = { service: 'shop', version: '2.5.0', requestedBy: 'ana', reason: 'the new query pattern' };
const MINUTE = 60_000;

/** A deployment of 2.5.0 in this phase, with what the phases before have left, as `status` answers it. */
export function statusIn(phase: Phase, startedAt: number): DeploymentStatus {
  const status = inPhase(phase, startedAt);
  const wait = waitingFor(status);
  return wait ? { ...status, waitingFor: wait } : status;
}

function inPhase(phase: Phase, at: number): DeploymentStatus {
  const plan = planFor(REQUEST);
  const checks = Object.values(CHECKS);
  const begun = opened(REQUEST, at);
  const freeze = { now: [], override: ['ana', 'ben'], timeoutMs: 60 * MINUTE };
  const resolved = planned(begun, { ...plan, freeze, checklist: { ...plan.checklist, checks } });
  const checking = checkMeasured(
    checkMeasured(checklistBegun(resolved, at, at + 30 * MINUTE), 'indexes', failed()),
    'pool-size',
    passed(),
  );
  const [half, full] = plan.traffic;
  if (!half || !full) throw new Error('the plan has no two steps');
  const soaking = windowClosed(
    stepBegun(entered(checking, 'shifting', at), { ...half, soakMs: 10 * MINUTE }, full, at + MINUTE),
    windowWith('healthy', at + MINUTE),
  );
  const why = { cause: 'breach', reason: 'green failed 212 of 1,040 requests', detectedAt: at + 2 * MINUTE } as const;
  const rollingBack = roundBegun(
    rollbackBegun(windowClosed(soaking, windowWith('breached', at + 2 * MINUTE)), why, at + 2 * MINUTE),
    1,
    at + 2 * MINUTE,
  );
  const restored = trafficRestored(rollingBack, {
    startedAt: at + 2 * MINUTE,
    restoredAt: at + 2 * MINUTE + 800,
    readBack: true,
    evidence: [],
  });
  switch (phase) {
    case 'resolving':
      return begun;
    case 'checking':
      return checking;
    case 'deploying':
    case 'shifting':
      return entered(checking, phase, at + MINUTE);
    case 'soaking':
      return soaking;
    case 'awaiting-approval':
      return entered(soakProven(soaking, at + 11 * MINUTE, at + 60 * MINUTE), phase, at + 11 * MINUTE);
    case 'held': {
      const proven = entered(soakProven(soaking, at + 11 * MINUTE, at), 'shifting', at + 11 * MINUTE);
      const christmas = { id: 'runbook/christmas', name: 'christmas', until: at + 60 * MINUTE };
      return heldBy(proven, [christmas], at + 11 * MINUTE, at + 90 * MINUTE);
    }
    case 'rolling-back':
      return restored;
    case 'rollback-stalled':
      return roundFailed(rollingBack, 'rollback failed with exit code 3', at + 3 * MINUTE);
    case 'rolled-back': {
      const recovered = blueRecovered(restored, { healthyAt: at + 3 * MINUTE, requests: 80, evidence: [] });
      return closed(recovered, phase, 'All traffic is back on 2.4.0.', at + 4 * MINUTE);
    }
    case 'completed':
      return closed(soakProven(soaking, at + MINUTE, at), phase, 'shop 2.5.0 serves all traffic.', at + 4 * MINUTE);
    case 'refused':
    case 'cancelled':
      return closed(checking, phase, 'Nothing was deployed.', at + MINUTE);
  }
}

/** Healthy for ten minutes, 0 of 1,000 failed; then, at the gate, 78 of 252 in a minute: rolled back. */
export function breachedAtGate(startedAt: number): DeploymentStatus {
  const proven = statusIn('awaiting-approval', startedAt);
  const provenAt = proven.steps[0]?.provenAt ?? 0;
  const window = windowWith('breached', provenAt);
  const counts = (requests: number, bad: number) => ({ requests, failed: bad, slow: 0 });
  const soak = { ...window, verdict: 'healthy', from: provenAt - 10 * MINUTE, to: provenAt } as const;
  const [step] = proven.steps;
  if (!step) throw new Error('a gate follows a soak');
  const soaked = { ...proven, steps: [{ ...step, windows: [{ ...soak, green: counts(1_000, 0) }] }] };
  const breached = windowClosed(soaked, {
    ...window,
    reason: 'green failed 78 of 252 requests at the gate',
    green: counts(252, 78),
  });
  const why = {
    cause: 'breach',
    reason: 'green failed 78 of 252 requests at the gate',
    detectedAt: window.to,
  } as const;
  const restored = trafficRestored(rollbackBegun(breached, why, window.to), {
    startedAt: window.to,
    restoredAt: window.to + 800,
    evidence: [],
  });
  const recovered = blueRecovered(restored, { healthyAt: window.to + MINUTE, requests: 80, evidence: [] });
  return closed(recovered, 'rolled-back', 'All traffic is back on 2.4.0.', window.to + 2 * MINUTE);
}

function windowWith(verdict: Verdict, from: number): WindowResult {
  const counts = { requests: 1_040, failed: verdict === 'breached' ? 212 : 0, slow: 3 };
  return {
    verdict,
    reason: 'green failed 0 of 1,040 requests (0 %); the limit is 5 %',
    from,
    to: from + MINUTE,
    green: counts,
    blue: counts,
    watchState: { cursor: null, judge: null, soakStartedAt: from },
  };
}
