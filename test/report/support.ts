import type { CheckResult } from '../../src/domain/plan.ts';
import { buildReport } from '../../src/domain/report.ts';
import type { DeploymentStatus } from '../../src/domain/status.ts';
import {
  blueRecovered,
  checkMeasured,
  closed,
  greenDeployed,
  notificationGivenUp,
  opened,
  planned,
  remedyEnded,
  rollbackBegun,
  stepBegun,
  trafficRestored,
  windowClosed,
} from '../../src/domain/transitions.ts';
import { documentOf, type ReportDocument } from '../../src/report/document.ts';
import type { Poll } from '../../src/report/series.ts';
import { CHECKS, failed, planFor } from '../support/world.ts';

const START = Date.UTC(2026, 10, 25, 12, 0, 0);
const SHIFT = START + 60_000;
const BREACH = SHIFT + 60_000;
const DEPLOYMENT = 'blue-green/production/shop/run-1';

/** What somebody may write wherever text is taken. */
export const HOSTILE =
  '<script>alert(1)</script>\u001b[2J "quoted" \' | [link](javascript:x) @everyone `code` *bold* # https://evil.example';

/** A deployment that was rolled back a minute after the shift to 50 %; `said` stands wherever somebody writes. */
export function rolledBackStatus(said = 'words'): DeploymentStatus {
  const plan = planFor({ service: 'shop', version: '2.5.0' });
  const [step, next] = plan.traffic;
  if (!step) throw new Error('the plan has two steps');
  const request = { service: 'shop', version: '2.5.0', requestedBy: said, reason: said };
  const checks = [{ ...CHECKS.critical, title: said }, CHECKS.ordinary];
  const measured: CheckResult = {
    ...failed(said),
    evidence: [{ what: said, measured: said, required: said }],
    checkedAt: START + 1_000,
  };
  let status = planned(opened(request, START), { ...plan, checklist: { ...plan.checklist, checks } });
  status = checkMeasured(status, 'indexes', measured);
  status = remedyEnded(status, 'indexes', {
    by: said,
    done: true,
    summary: said,
    startedAt: START + 2_000,
    durationMs: 5,
  });
  status = greenDeployed(status, SHIFT - 10_000);
  status = stepBegun(status, { ...step, soakMs: 600_000 }, next, SHIFT);
  status = windowClosed(status, {
    verdict: 'breached',
    reason: said,
    from: SHIFT,
    to: BREACH,
    green: { requests: 600, failed: 60, slow: 6 },
    blue: { requests: 600, failed: 0, slow: 0 },
    watchState: { cursor: null, judge: null, soakStartedAt: SHIFT },
  });
  status = {
    ...status,
    decisions: [
      { action: 'approve', by: said, reason: said, gate: 'shift-to-100', at: SHIFT + 20_000, taken: true },
      { action: 'approve', by: said, at: SHIFT + 21_000, taken: false, why: said },
    ],
  };
  status = rollbackBegun(status, { cause: 'breach', reason: said, detectedAt: BREACH }, BREACH + 100);
  status = notificationGivenUp(status, { at: BREACH + 150, severity: 'critical', text: said, problem: said });
  const evidence = [{ what: said, measured: said }];
  status = trafficRestored(status, { startedAt: BREACH + 200, restoredAt: BREACH + 1_000, evidence });
  return closed(
    blueRecovered(status, { healthyAt: BREACH + 3_700, requests: 80, evidence }),
    'rolled-back',
    said,
    BREACH + 5_000,
  );
}

/** A poll a second from the shift to the breach, with ten seconds missing; green fails from the middle on. */
function pollsOf(): Poll[] {
  return Array.from({ length: 60 }, (_, second): Poll => {
    const from = SHIFT + second * 1_000;
    const blue = { requests: 10, failed: 0, slow: 0, meanMs: 12 };
    const green = { ...blue, failed: second >= 30 ? 2 : 0, meanMs: 15 };
    return {
      soakStartedAt: SHIFT,
      at: from + 1_000,
      verdict: second === 59 ? 'breached' : 'inconclusive',
      counted: { from, to: from + 1_000, green, blue },
    };
  }).filter(({ at }) => at <= SHIFT + 20_000 || at > SHIFT + 30_000);
}

export function rolledBack(said?: string, polls: readonly Poll[] = pollsOf()): ReportDocument {
  return documentOf(DEPLOYMENT, buildReport(rolledBackStatus(said)), polls);
}

/** A deployment that was refused before it had a plan. */
export function refused(said = 'request.version: found "--help"'): ReportDocument {
  return documentOf('mine/run-1', buildReport(closed(opened(said, START), 'refused', said, START + 5)), []);
}
