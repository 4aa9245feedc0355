import { expect, test } from '@jest/globals';
import { gateLine } from '../../src/cli/view/sections.ts';
import { availableDecisions } from '../../src/domain/available-decisions.ts';
import type { Decision } from '../../src/domain/decision.ts';
import { decide, parseDecision, refusal } from '../../src/domain/decisions.ts';
import { type DeploymentStatus, isClosed, PHASES } from '../../src/domain/status.ts';
import { checkStarted, closed, notificationGivenUp } from '../../src/domain/transitions.ts';
import { waitingFor } from '../../src/domain/waiting-for.ts';
import { renderDetails } from '../../src/workflows/details.ts';
import { breachedAtGate, statusIn } from '../support/status.ts';

const NOON = Date.UTC(2026, 10, 25, 12);

function filledIn({ action, ...fields }: Decision): ReturnType<typeof parseDecision> {
  return parseDecision(action, { ...fields, by: 'ana', ...('reason' in fields ? { reason: 'seen' } : {}) });
}

test.each(PHASES)('%s: every answer that is offered is refused until it is filled in, and then taken', (phase) => {
  const status = statusIn(phase, NOON);
  for (const { action, ...fields } of availableDecisions(status)) {
    expect(parseDecision(action, fields)).toHaveProperty('problem');
    const decision = filledIn({ action, ...fields });
    if ('problem' in decision) throw new Error(decision.problem);
    expect(refusal(status, decision)).toBeUndefined();
  }
});

test('a person is asked for what they can answer, and never to disturb a rollback that works', () => {
  const offered = (status: DeploymentStatus) =>
    availableDecisions(status).map(({ action, check = '' }) => `${action} ${check}`.trim());
  expect(offered(statusIn('checking', NOON))).toEqual([
    'recheck indexes',
    'attest load-test',
    'waive load-test',
    'abort',
  ]);
  expect(offered(statusIn('awaiting-approval', NOON))).toEqual(['approve', 'reject', 'abort']);
  expect(offered(statusIn('rolling-back', NOON))).toEqual([]);
  expect(offered(statusIn('rollback-stalled', NOON))).toEqual(['retryRollback']);
  const deploying = statusIn('deploying', NOON);
  expect(offered(deploying)).toEqual(['abort']);
  expect(offered(decide(deploying, { action: 'abort', by: 'ana' }, NOON).status)).toEqual([]);
  for (const phase of PHASES.filter(isClosed)) expect(offered(statusIn(phase, NOON))).toEqual([]);
});

test('the details say who approved, in which time zone their times are, and what can be pasted as an answer', () => {
  const gate = statusIn('awaiting-approval', NOON);
  expect(renderDetails(gate)).toContain('until 2026-11-25 13:00:00 UTC');
  expect(renderDetails(gate)).toContain('`{"action":"approve","by":"","gate":"shift-to-100"}`');
  expect(renderDetails(decide(gate, { action: 'approve', by: 'ana' }, NOON).status)).toContain(
    'Gate shift-to-100: 1 of 1 approvals (ana)',
  );
});

test('a check that is yet to be measured waits for nobody, and an ended deployment measures nothing more', () => {
  const checking = statusIn('checking', NOON);
  const wait = waitingFor({ ...checking, checks: checking.checks.map((one) => ({ ...one, outcome: 'waiting' })) });
  expect(wait).toMatchObject({
    what: 'load-test: a person has to confirm: Conduct load testing',
    unblockedBy: 'load-test: attest, or waive, or abort',
  });
  const running = checkStarted(checkStarted(checking, 'indexes'), 'pool-size');
  const fresh = { ...running, checks: running.checks.map(({ result: _, ...one }) => one) };
  const outcomesOf = ({ checks }: DeploymentStatus) => checks.map(({ id, outcome }) => `${id} ${outcome}`);
  expect(outcomesOf(closed(running, 'refused', 'aborted', NOON))).toEqual([
    'indexes failed',
    'pool-size passed',
    'load-test waiting',
  ]);
  expect(outcomesOf(closed(fresh, 'refused', 'aborted', NOON))).toEqual([
    'indexes unmeasured',
    'pool-size unmeasured',
    'load-test waiting',
  ]);
});

test('what could not be delivered stands in the details; of very many the newest are kept, shortened', () => {
  const problem =
    "notification 2 of 2 (webhook): the worker's variable PAGER_HOOK is not set, expected a webhook's URL";
  let status = statusIn('awaiting-approval', NOON);
  for (let number = 1; number <= 50; number += 1)
    status = notificationGivenUp(status, {
      at: NOON,
      severity: 'info',
      text: `news ${number} ${'x'.repeat(5_000)}`,
      problem,
    });
  expect(status.undelivered?.map(({ text }) => [text.split(' ')[1], text.length])).toEqual(
    [41, 42, 43, 44, 45, 46, 47, 48, 49, 50].map((number) => [String(number), 300]),
  );
  expect(renderDetails(status)).toContain(
    `### Notifications not delivered\n\n- 2026-11-25 12:00:00 UTC, info: news 48 `,
  );
  expect(renderDetails(status)).toContain("the worker's variable PAGER\\_HOOK is not set");
});

test('a step that was breached at its open gate is not headed as healthy', () => {
  expect(renderDetails(breachedAtGate(NOON))).toContain(
    '### Soak at 50 %, proven healthy at 2026-11-25 12:11:00 UTC, then ended at the open gate by a breach at 2026-11-25 12:12:00 UTC',
  );
  expect(renderDetails(statusIn('rolled-back', NOON))).toContain(
    '### Soak at 50 %, ended by a breach at 2026-11-25 12:02',
  );
});

test('an open gate says who may still approve, whose approval is not confirmed and why, and how to approve', () => {
  const status = statusIn('awaiting-approval', NOON);
  const [step] = status.steps;
  if (!step?.gate) throw new Error('a gate is open');
  const gate = {
    ...step.gate,
    required: 2,
    approvers: ['ana', 'ben', 'group:managers'],
    approvedBy: ['ana'],
    identity: 'principal' as const,
    pending: [{ by: 'carl', at: NOON }],
    pendingProblem: 'the file is away',
  };
  const asked = { ...status, steps: [{ ...step, gate }] };
  const waits =
    '1 approval from ben or the group managers for shift-to-100; the approval by carl cannot be confirmed, and is tried again: the file is away';
  expect(waitingFor(asked)?.what).toBe(waits);
  const details = renderDetails(asked);
  expect(details).toContain(`**Waits for** ${waits}`);
  expect(details).toContain('**To approve, choose _Send a Signal_, _approve_ instead,**');
  expect(renderDetails(status)).not.toContain('instead');
  expect(gateLine({ ...step, gate }, NOON)).toMatch(
    /^shift-to-100: 1 of 2 approvals by ana; the approval by carl .* more$/,
  );
  const { until: _, ...open } = gate;
  expect(gateLine({ ...step, gate: open }, NOON)).toMatch(/, open until it is decided$/);
});
