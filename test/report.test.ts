import { expect, test } from '@jest/globals';
import { buildReport } from '../src/domain/report.ts';
import type { DeploymentStatus } from '../src/domain/status.ts';
import {
  checkMeasured,
  closed,
  opened,
  planned,
  rollbackBegun,
  stepBegun,
  windowClosed,
} from '../src/domain/transitions.ts';
import { renderDetails } from '../src/workflows/details.ts';
import { CHECKS, failed, planFor } from './support/world.ts';

const plan = planFor({ service: 'shop', version: '2.5.0' });
const watchState = { cursor: null, judge: null, soakStartedAt: 0 };

function longDeployment(text: string): DeploymentStatus {
  let status = planned(opened({ service: 'shop', version: '2.5.0' }, 0), {
    ...plan,
    checklist: {
      checks: Array.from({ length: 40 }, (_, index) => ({ ...CHECKS.critical, id: `check-${index}` })),
      timeoutMs: 1,
    },
  });
  for (const check of status.checks)
    status = checkMeasured(status, check.id, {
      ...failed(text),
      evidence: Array.from({ length: 20 }, () => ({ what: text, measured: text })),
    });
  const counts = { requests: 1, failed: 0, slow: 0 };
  for (const step of plan.traffic) {
    status = stepBegun(status, step, undefined, 1);
    for (let index = 0; index < 100; index += 1)
      status = windowClosed(status, {
        verdict: 'healthy',
        reason: text,
        from: 0,
        to: 1,
        green: counts,
        blue: counts,
        watchState,
      });
  }
  return rollbackBegun(status, { cause: 'breach', reason: 'bad', detectedAt: 2 }, 3);
}

test.each(['short', 'x'.repeat(2_000), 'ü'.repeat(2_000)])('a report is at most 64 KB, whatever was seen', (text) => {
  const report = buildReport(closed(longDeployment(text), 'rolled-back', 'rolled back', 9));
  expect(Buffer.byteLength(JSON.stringify(report))).toBeLessThanOrEqual(64_000);
  expect(report).toMatchObject({
    outcome: 'rolled-back',
    summary: 'rolled back',
    blue: '2.4.0',
    rollback: { reason: 'bad' },
  });
});

test('what is left out of a report is said', () => {
  expect(buildReport(longDeployment('x'.repeat(2_000))).leftOut).toBeDefined();
  expect(buildReport(planned(opened({ service: 'shop', version: '2.5.0' }, 0), plan)).leftOut).toBeUndefined();
});

test('details for the UI stay under its 20 KB and cannot be made into markup by what others wrote', () => {
  const details = renderDetails(longDeployment('<img src=x> [link](javascript:1) '.repeat(50)));
  for (const text of [details, renderDetails(longDeployment('ü'.repeat(2_000)))])
    expect(Buffer.byteLength(text)).toBeLessThan(20_000);
  expect(details).not.toMatch(/[^\\]<img/);
  expect(details).not.toMatch(/[^\\]\[link/);
});
