import { readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { expect, test } from '@jest/globals';
import { Chalk } from 'chalk';
import fc from 'fast-check';
import { unknownWords } from '../../src/cli/commands/decide.ts';
import { renderRows } from '../../src/cli/commands/list.ts';
import { openQuestion } from '../../src/cli/demo/questions.ts';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { refuseClosed } from '../../src/cli/send-decision.ts';
import { underWayWords } from '../../src/cli/start-deployment.ts';
import { changes, numbersOf } from '../../src/cli/view/changes.ts';
import { bar, formatDuration, formatDurationRoughly, stopwatch } from '../../src/cli/view/format.ts';
import { renderFull } from '../../src/cli/view/full.ts';
import { aligned, clip, wrap } from '../../src/cli/view/layout.ts';
import { renderLive } from '../../src/cli/view/live.ts';
import { PLAIN, sanitize } from '../../src/cli/view/output.ts';
import { stepsOf } from '../../src/cli/view/progress.ts';
import { renderReport } from '../../src/cli/view/report.ts';
import type { DeploymentSnapshot } from '../../src/cli/view/snapshot.ts';
import { demoRunbook } from '../../src/demo/runbook.ts';
import type { WatchHeartbeat } from '../../src/domain/activity-results.ts';
import { ACTIONS } from '../../src/domain/decision.ts';
import { parseDecision } from '../../src/domain/decisions.ts';
import { buildReport, type DeploymentReport } from '../../src/domain/report.ts';
import { isClosed, PHASES, type Phase } from '../../src/domain/status.ts';
import { notificationGivenUp } from '../../src/domain/transitions.ts';
import { waitingFor } from '../../src/domain/waiting-for.ts';
import { parseRunbook } from '../../src/runbook/load.ts';
import { renderDetails } from '../../src/workflows/details.ts';
import { GUIDE_FILE } from '../runbook/support.ts';
import { recordedHistory } from '../support/history.ts';
import { format } from '../support/registry.ts';
import { sentThen } from '../support/sent.ts';
import { breachedAtGate, statusIn } from '../support/status.ts';
import { passed } from '../support/world.ts';

/** Pure parts of what people look at; what needs a server is in bluegreen.*.test.ts. */

const NOW = 1_800_000_000_000;

function sightIn(phase: (typeof PHASES)[number]): DeploymentSnapshot {
  const status = statusIn(phase, NOW - 600_000);
  const state = isClosed(phase) ? 'COMPLETED' : 'RUNNING';
  const server = {
    workflowId: 'blue-green/production/shop',
    runId: 'run-1',
    state,
    startedAt: status.startedAt,
  } as const;
  return { at: NOW, status, server: { ...server, pending: [] } };
}

const FORWARD_ONLY = 'the forward-only migration of 2.5.0 left it (0043_split_name); 2.4.0 must work on it.';

test.each(PHASES)('%s: a forward-only migration is in the status, on the screen and in the report', (phase) => {
  const sight = sightIn(phase);
  const status = sight.status && {
    ...sight.status,
    checks: sight.status.checks.map((check, index) => ({
      ...check,
      result: { ...passed(), ...(index === 0 && { forwardOnly: ['0043_split_name'] }) },
    })),
  };
  if (!status || status.checks.length === 0) return;
  const flat = (lines: readonly string[]) => lines.map((line) => line.trim()).join(' ');
  const named = { ...sight, status };
  expect(flat(renderFull(named, PLAIN))).toContain(FORWARD_ONLY);
  expect(flat(renderLive(named, { columns: 80, rows: 50 }, PLAIN))).toContain(FORWARD_ONLY);
  expect(flat(renderFull(sight, PLAIN))).not.toContain('forward-only');
  const outcome = { exitCode: EXIT.ok, summary: 'It ended.', report: buildReport(status) };
  const report = flat(renderReport(outcome, PLAIN, 200));
  expect(report.includes(FORWARD_ONLY)).toBe(phase !== 'refused');
});

test('what is to be pasted keeps its lines in the status, and is one short line elsewhere', () => {
  const sight = sightIn('checking');
  const { status } = sight;
  const [first] = status?.checks ?? [];
  if (!status || !first) throw new Error('it has checks');
  const unblock = 'apply this with kubectl apply -f -:\nkind: Role\nmetadata: {name: bluegreen}';
  const failed = { ...first, outcome: 'failed' as const, result: { ...passed(), passed: false, unblock } };
  const seen = { ...sight, status: { ...status, checks: [failed] } };
  expect(renderFull(seen, PLAIN)).toEqual(
    expect.arrayContaining([
      `      ${first.id}, to unblock: apply this with kubectl apply -f -:`,
      '      kind: Role',
      '      metadata: {name: bluegreen}',
    ]),
  );
  const short = 'apply this with kubectl apply -f - (bluegreen status shows all of it)';
  expect(changes(undefined, seen, PLAIN).find(({ kind }) => kind === 'check')?.text).toContain(`to unblock: ${short}`);
  expect(waitingFor(seen.status)?.unblockedBy).toContain(`${first.id}: ${short}, or recheck`);
});

test('the line that opens a gate says what a rollback leaves in place', () => {
  const sight = sightIn('awaiting-approval');
  const { status } = sight;
  if (!status) throw new Error('it answers');
  const [first, ...others] = status.checks;
  if (!first) throw new Error('it has checks');
  const told = { ...first, result: { ...passed(), forwardOnly: ['0043_split_name'] } };
  const seen = changes(undefined, { ...sight, status: { ...status, checks: [told, ...others] } }, PLAIN);
  expect(seen.find(({ kind }) => kind === 'gate')?.text).toMatch(
    /no answer in time rolls back\. A rollback moves traffic /,
  );
  expect(seen.find(({ kind }) => kind === 'check')?.data).toMatchObject({ forwardOnly: ['0043_split_name'] });
});

test.each(PHASES)('%s fits any terminal, in colour or without', (phase) => {
  const colours = new Chalk({ level: 3 });
  fc.assert(
    fc.property(fc.integer({ min: 20, max: 200 }), fc.integer({ min: 10, max: 60 }), (columns, rows) => {
      const footer = ['? Approve the shift to 100 %? (It waits for you.)', '  press  y = yes   r = reject'];
      const plain = renderLive(sightIn(phase), { columns, rows }, PLAIN, footer);
      const coloured = renderLive(sightIn(phase), { columns, rows }, colours, footer);
      expect(coloured.map(stripVTControlCharacters)).toEqual(plain);
      expect(plain.join('\n')).not.toContain('undefined');
      expect(plain.at(-1)).toContain('reject');
    }),
    { numRuns: 30 },
  );
});

test('80 columns and 24 rows hold every phase', () => {
  for (const phase of PHASES) {
    const lines = renderLive(sightIn(phase), { columns: 80, rows: 24 }, PLAIN, ['? one line of a question']);
    expect(lines.length).toBeLessThan(24);
    expect(lines.filter((line) => Array.from(line).length > 80)).toEqual([]);
  }
});

test.each(PHASES)('the status of %s says what it is, and nothing undefined', (phase) => {
  const text = renderFull(sightIn(phase), PLAIN).join('\n');
  expect(text).toContain('shop 2.5.0 to production');
  expect(text).not.toMatch(/undefined|NaN|\[object/);
});

test('what was told once is not told again', () => {
  for (const phase of PHASES) {
    const sight = sightIn(phase);
    expect(changes(sight, sight, PLAIN)).toEqual([]);
    if (!isClosed(phase)) expect(changes(undefined, sight, PLAIN)).not.toEqual([]);
  }
});

test('a phase that ended and began again between two looks is said, with the numbers of its own soak only', () => {
  const half = sightIn('soaking');
  const { status } = half;
  const [step] = status?.steps ?? [];
  if (!status || !step) throw new Error('it soaks');
  const full = { ...step, percentage: 100, shiftedAt: NOW - 1_000, soakUntil: NOW + 59_000 };
  const later = { ...half, status: { ...status, phaseSince: NOW - 1_000, greenPercentage: 100, steps: [step, full] } };
  expect(changes(half, later, PLAIN).map(({ text }) => text)).toContain(
    'soaking at 100 % (blue 2.4.0 0 %, green 2.5.0 100 %)',
  );

  const counts = { requests: 10, failed: 0, slow: 0, meanMs: 1 };
  const live: WatchHeartbeat = {
    verdict: 'inconclusive',
    reason: 'not yet',
    from: NOW - 1_000,
    to: NOW,
    green: counts,
    blue: counts,
    latest: { intervalMs: 1_000, green: counts, blue: counts },
    watchState: { cursor: { at: NOW }, judge: null, soakStartedAt: full.shiftedAt },
  };
  expect(numbersOf({ ...half, live }, 0)).toBeUndefined();
  expect(numbersOf({ ...later, live }, 0)?.text).toMatch(/^59 s left; blue 10\.0\/s/);
  expect(numbersOf({ ...later, live }, live.to)).toBeUndefined();
  // The last reading of a window may be of some milliseconds.
  const intervalMs = (status.plan?.watch.pollMs ?? 0) / 4;
  const moment = { ...live, latest: { intervalMs, green: counts, blue: counts } };
  expect(numbersOf({ ...later, live: moment }, 0)).toBeUndefined();
  const rollingBack = { ...later.status, phase: 'rolling-back' as const };
  expect(numbersOf({ ...later, status: rollingBack, live }, 0)?.text).toMatch(/^blue 10/);

  // A page that does not answer: the heartbeat goes on, with what was seen last.
  const unread = { ...later, live: { ...live, to: NOW + 10_000, problem: 'http://h/metrics: ECONNREFUSED' } };
  expect(numbersOf(unread, NOW)).toBeUndefined();
  expect(numbersOf({ ...later, live: { ...live, to: NOW + 10_000 } }, NOW)).toBeUndefined();
  const words = (before: DeploymentSnapshot, now: DeploymentSnapshot) =>
    changes(before, now, PLAIN).map(({ text }) => text);
  expect(words({ ...later, live }, unread)).toEqual(['no fresh numbers: http://h/metrics: ECONNREFUSED']);
  expect(words(unread, unread)).toEqual([]);
  expect(words(unread, { ...later, live })).toEqual(['the metrics can be read again']);
});

test('a rollback that only guards the traffic is called rolled back', () => {
  const sight = sightIn('rolling-back');
  const { status } = sight;
  if (!status?.rollback) throw new Error('it rolls back');
  const recovered = { healthyAt: NOW, requests: 50, evidence: [] };
  const guarded = { ...sight, status: { ...status, rollback: { ...status.rollback, recovered } } };
  const title = (one: DeploymentSnapshot) => renderLive(one, { columns: 120, rows: 40 }, PLAIN, [])[0];
  expect(title(sight)).toContain('ROLLING BACK');
  expect(title(guarded)).toContain('rolled back, guarding the traffic');
});

test('a deployment that was terminated is not shown as one that goes on', () => {
  const sight = sightIn('soaking');
  const server = { ...sight.server, state: 'TERMINATED' as const, closedAt: sight.at };
  const screen = renderFull({ ...sight, server }, PLAIN).join('\n');
  expect(screen).toMatch(/state {6}TERMINATED since .*: nothing watches the traffic, and nothing was rolled back/);
  expect(screen).toContain('phase      was soaking at 50 % at the end');
  expect(screen).toMatch(/^Go back with bluegreen rollback --service \S+/m);
  expect(screen).not.toContain('unblocked by');
});

test('the end of a soak may move, and that of other waits may not', () => {
  const text = (phase: Phase) => renderFull(sightIn(phase), PLAIN).join('\n');
  expect(text('soaking')).toMatch(/since .*, until .*, or longer if health is not proven by then$/m);
  expect(text('awaiting-approval')).toMatch(/since .*, at most until /);
});

test('the traffic is marked while it is being moved', () => {
  const traffic = (phase: Phase) => renderFull(sightIn(phase), PLAIN).find((line) => line.startsWith('  traffic'));
  expect(traffic('soaking')).toMatch(/green \S+ 50 %$/);
  expect(traffic('shifting')).toMatch(/green \S+ 0 %, being changed$/);
  const back = sightIn('rolling-back');
  const { restored: _, ...rollback } = back.status?.rollback ?? { restored: undefined };
  const begun = { ...back, status: { ...back.status, rollback } } as DeploymentSnapshot;
  expect(renderFull(begun, PLAIN).join('\n')).toMatch(/traffic .*, being set back$/m);
});

test('a deployment that was refused before its runbook was found says nothing of the traffic: it was not read', () => {
  const sight = sightIn('refused');
  const { plan: _, ...unplanned } = sight.status ?? statusIn('refused', NOW);
  expect(renderFull({ ...sight, status: unplanned }, PLAIN)).toContain('  traffic    not read');
  expect(renderFull({ ...sight, status: { ...unplanned, phase: 'resolving' } }, PLAIN)).toContain(
    '  traffic    not read yet',
  );
});

test('a refusal says how long it took, not how long ago it was', () => {
  const { status } = sightIn('refused');
  if (!status) throw new Error('it answers');
  const { plan: _, ...unresolved } = status;
  const steps = stepsOf({ status: { ...unresolved, phaseSince: status.startedAt + 2_000 }, at: NOW + 3_600_000 });
  expect(steps).toEqual([{ name: 'resolved', state: 'failed', ms: 2_000 }]);
});

test('a router that was not read back is not said to send all traffic to blue', () => {
  const sight = sightIn('rolling-back');
  const { status } = sight;
  if (!status?.rollback) throw new Error('it rolls back');
  const { rollback } = status;
  const words = (found: { readonly readBack?: true }) => {
    const { detectedAt: startedAt } = rollback;
    const restored = { startedAt, restoredAt: startedAt + 800, evidence: [], ...found };
    return renderFull({ ...sight, status: { ...status, rollback: { ...rollback, restored } } }, PLAIN).join('\n');
  };
  expect(words({ readBack: true })).toContain('+0.8 s  the router sends all traffic to blue');
  expect(words({})).toContain('+0.8 s  all traffic was sent to blue, not read back');
});

test('green that still gets requests after a rollback is in the status, in the order of the times, and is a change', () => {
  const sight = sightIn('rolled-back');
  const { status } = sight;
  if (!status?.rollback) throw new Error('it was rolled back');
  const { rollback } = status;
  const { detectedAt: startedAt, recovered: proven } = rollback;
  const { greenLeft, ...stopped } = {
    startedAt,
    restoredAt: startedAt + 800,
    readBack: true as const,
    evidence: [],
    greenLeft: { requests: 298, all: 600, ms: 10_000, at: startedAt + 30_800 },
  };
  const recovered = { requests: 50, evidence: [], ...proven, healthyAt: startedAt + 20_800 };
  const at = (restored: typeof stopped) => ({
    ...sight,
    status: { ...status, rollback: { ...rollback, recovered, restored } },
  });
  const left = { ...stopped, greenLeft };
  const lines = renderFull(at(left), PLAIN);
  const words = 'green still got 298 of 600 requests (49.7 %) in 10 s, 30 s after the router sent all traffic to blue';
  expect(lines.findIndex((line) => line.includes(`+30.8 s  ${words}`))).toBeGreaterThan(
    lines.findIndex((line) => line.includes('+20.8 s')),
  );
  expect(lines.find((line) => line.startsWith('  traffic'))).toContain(', which the proxies do not follow');
  expect(changes(at(stopped), at(left), PLAIN).map(({ text }) => text)).toContain(`rollback: ${words}`);
});

test('while no worker answers, the traffic is what the history has, and the soak has only its clock', () => {
  const sight = sightIn('soaking');
  const silent = { ...sight, unreachableReason: 'no worker answers', lastKnown: { greenPercentage: 0 } };
  const screen = renderLive(silent, { columns: 120, rows: 40 }, PLAIN, []).join('\n');
  expect(screen).toContain('traffic: blue 2.4.0 100 %, green 2.5.0 0 %');
  expect(screen).toMatch(/m of 10 m by the clock$/m);
  expect(renderFull(silent, PLAIN).join('\n')).toContain('  traffic    blue 2.4.0 100 %, green 2.5.0 0 %');
});

test('what somebody paused in Temporal is seen where people look, with who, why and how to go on', () => {
  const sight = sightIn('soaking');
  const paused = { id: '9', since: NOW - 60_000, by: 'ana@vm', reason: 'a click' };
  const server = { ...sight.server, pending: [{ activity: 'watchWindow', attempt: 2, paused }] };
  const { status: _, ...unanswered } = sight;
  const words =
    /watchWindow is paused in Temporal since \d\d:\d\d:\d\d by ana@vm: a click\. Nobody watches green\. To go on: temporal activity unpause --workflow-id blue-green\/production\/shop --activity-id 9/;
  expect(renderFull({ ...sight, server }, PLAIN).join('\n')).toMatch(words);
  expect(renderFull({ ...unanswered, server }, PLAIN).join('\n')).toMatch(words);
  expect(renderLive({ ...sight, server }, { columns: 300, rows: 40 }, PLAIN, []).join('\n')).toMatch(words);
});

test('a workflow that somebody paused in Temporal has not ended, and who paused it is seen', () => {
  const { status: _, ...sight } = sightIn('soaking');
  const server = { ...sight.server, state: 'PAUSED', paused: { since: NOW, by: 'ana@vm', reason: 'a click' } } as const;
  const silent = { ...sight, server, unreachableReason: 'Query rejected.', lastKnown: { greenPercentage: 50 } };
  const words =
    /The workflow is paused in Temporal since \d\d:\d\d:\d\d by ana@vm: a click\. Nobody watches green, and nothing is rolled back\. To go on: temporal workflow unpause --workflow-id blue-green\/production\/shop/;
  expect(renderFull(silent, PLAIN).join('\n')).toMatch(words);
  expect(renderFull(silent, PLAIN).join('\n')).toContain('green has 50 % of the traffic');
  expect(renderLive(silent, { columns: 300, rows: 40 }, PLAIN, []).join('\n')).toMatch(words);
  expect(underWayWords(silent, { service: 'shop', environment: 'production' })).toContain('is already running');
});

test.each(['RUNNING', 'PAUSED'] as const)('a decision on a deployment that is %s is not refused as late', (name) => {
  const workflowId = 'blue-green/production/shop';
  const described = (state: string) => ({ status: { name: state }, workflowId }) as never;
  expect(() => refuseClosed(described(name))).not.toThrow();
  expect(() => refuseClosed(described('COMPLETED'))).toThrow('has ended');
});

test('a workflow that does not answer is told, and so is that it answers again', () => {
  const sight = sightIn('soaking');
  const silent = { ...sight, unreachableReason: 'no worker answers' };
  const told = (before: DeploymentSnapshot, now: DeploymentSnapshot) =>
    changes(before, now, PLAIN).map(({ kind, text }) => `${kind}: ${text}`);
  expect(told(sight, silent)).toEqual(['answer: no worker answers; waiting for it']);
  expect(told(silent, sight)).toEqual(['answer: the deployment answers again']);
});

test('what could not be delivered is seen where people look, and is new once', () => {
  const sight = sightIn('awaiting-approval');
  const given = {
    at: NOW - 1_000,
    severity: 'info',
    text: 'shop 2.5.0 waits for approval.',
    problem: "notification 1 of 1 (webhook): the worker's variable CHAT_HOOK is not set",
  } as const;
  const status = notificationGivenUp(statusIn('awaiting-approval', NOW - 600_000), given);
  const now = { ...sight, status };
  expect(renderLive(now, { columns: 150, rows: 40 }, PLAIN)).toContain(
    `! 1 notification not delivered; ${given.problem}`,
  );
  expect(renderFull(now, PLAIN).join('\n')).toContain(
    `info: shop 2.5.0 waits for approval. not delivered: ${given.problem}`,
  );
  expect(changes(sight, now, PLAIN)).toEqual([
    { kind: 'undelivered', text: expect.stringContaining(given.problem), data: given },
  ]);
  expect(changes(now, now, PLAIN)).toEqual([]);
  const outcome = {
    exitCode: EXIT.rolledBack,
    summary: 'rolled back',
    report: buildReport({ ...statusIn('rolled-back', NOW), undelivered: [given] }),
  };
  expect(renderReport(outcome, PLAIN, 100).join('\n')).toContain(`not delivered: ${given.problem}`);
});

test('counts of the soak and of the open gate stand apart, and a breach at the gate is no healthy soak', () => {
  const status = breachedAtGate(NOW - 900_000);
  const outcome = { exitCode: EXIT.rolledBack, summary: 'rolled back', report: buildReport(status) };
  const lines = renderReport(outcome, PLAIN, 120);
  expect(lines.filter((line) => line.includes('to green'))).toEqual([
    '  50 %       soaked 10 m, proven healthy: 1,000 requests to green in 10 m, 0.0 % failed',
    '             gate open 1 m, ended by a breach: 252 requests to green in 1 m, 31.0 % failed',
  ]);
  const full = renderFull({ ...sightIn('rolled-back'), status }, PLAIN);
  expect(full).toContain('50 %  proven healthy after 10 m, then ended at the open gate by a breach 1 m later');
  for (const line of full.filter((one) => one.includes('failed)')))
    expect(line).toMatch(/\(in this window: [\d,]+ requests/);
});

test('so do they in the recorded breach at a gate', () => {
  const closed = sentThen(recordedHistory('breach-at-gate')).at(-1);
  if (closed?.what !== 'failed') throw new Error('it was rolled back');
  const report = closed.details[0] as DeploymentReport;
  const lines = renderReport({ exitCode: EXIT.rolledBack, summary: report.summary, report }, PLAIN, 120);
  expect(lines.filter((line) => line.includes('to green'))).toEqual([
    expect.stringMatching(/^ {2}50 % +soaked 0 s, proven healthy: \d00 requests to green/),
    expect.stringMatching(/^ +gate open 0 s, ended by a breach: 100 requests to green/),
  ]);
});

test('a step that was breached while it soaked says so, and so does one that a person ended', () => {
  const status = statusIn('rolled-back', NOW - 900_000);
  const { rollback } = status;
  if (!rollback) throw new Error('it was rolled back');
  const lineOf = (cause: typeof rollback.cause) => {
    const report = buildReport({ ...status, rollback: { ...rollback, cause } });
    const lines = renderReport({ exitCode: EXIT.rolledBack, summary: 'rolled back', report }, PLAIN, 120);
    return lines.find((line) => line.includes('to green'));
  };
  expect(lineOf('breach')).toBe(
    '  50 %       soaked 1 m, ended by a breach: 2,080 requests to green in 2 m, 10.2 % failed',
  );
  expect(lineOf('aborted')).toBe(
    '  50 %       soaked 1 m, not proven healthy (aborted): 2,080 requests to green in 2 m, 10.2 % failed',
  );
});

test('lengths read well', () => {
  expect([0, 400, 12_345, 59_999].map(formatDuration)).toEqual(['0.0 s', '0.4 s', '12.3 s', '60.0 s']);
  expect([72_000, 7_500_000, -5].map(formatDurationRoughly)).toEqual(['1 m 12 s', '2 h 05 m', '0 s']);
  expect([72_000, 3_723_000].map(stopwatch)).toEqual(['01:12', '1:02:03']);
});

test('a line that is broken fits, keeps its words and their order', () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1 }), (words) => {
      const lines = wrap(words.join(' '), 20);
      expect(lines.filter((line) => line.length > 20)).toEqual([]);
      expect(lines.join(' ').split(/ +/)).toEqual(words);
    }),
  );
  expect(clip('a long line', 6)).toBe('a lon…');
  for (const fraction of [-1, 0, 0.5, 1, 9]) expect(bar(fraction, 12)).toHaveLength(12);
});

test('texts of others cannot rewrite the terminal', () => {
  expect(sanitize({ a: ['\u001b[2J\r\n  b\u009b31m'], n: 1 })).toEqual({ a: [' [2J b 31m'], n: 1 });
  expect(sanitize({ unblock: 'apply this:\nkind: Role\u001b[2J' })).toEqual({ unblock: 'apply this:\nkind: Role [2J' });
});

test('the list is a table, or says how to begin', () => {
  const row = {
    workflowId: 'w',
    runId: 'r',
    taskQueue: 'deploys',
    service: 'shop',
    environment: 'production',
    version: '2.5.0',
    state: 'RUNNING',
  };
  const [head, first] = renderRows([{ ...row, phase: 'soaking', startedAt: NOW, closedAt: NOW + 72_000 }]);
  expect(head?.indexOf('PHASE')).toBe(first?.indexOf('soaking'));
  expect(first).toMatch(/1 m 12 s$/);
  expect(renderRows([])).toEqual(['No deployments. Start one: bluegreen start --service NAME --version VERSION']);
});

test('a start is refused with what runs and how to end it, but not with what has ended just now', () => {
  const address = { service: 'shop', environment: 'production' };
  const running = sightIn('soaking');
  expect(underWayWords(running, address)).toMatch(
    /^Not started: a deployment of shop in production is already running;[^]*End it: +bluegreen abort --service shop/,
  );
  const ended =
    'Not started: a deployment of shop in production was still running, and has ended just now. Start this one again.';
  const closed = sightIn('completed');
  for (const state of ['RUNNING', 'COMPLETED'] as const)
    expect(underWayWords({ ...closed, server: { ...closed.server, state } }, address)).toBe(ended);
});

test('a decision without an answer is repeated under its own id, with words that a shell takes as they are', () => {
  const decision = {
    action: 'approve' as const,
    by: "ana o'hara",
    decisionId: 'd-1',
    reason: 'it is "fine" & $well',
    gate: 'shift-to-100',
  };
  const words = unknownWords({ name: 'approve' }, decision, { service: 'shop', environment: 'production' });
  expect(words).toContain('it is not known whether the decision was accepted');
  expect(words).toContain('Perhaps no worker runs, or a worker could not confirm it yet: "status" says why.');
  expect(words).toContain(
    String.raw`bluegreen approve --service shop --by 'ana o'\''hara' --gate shift-to-100 --reason 'it is "fine" & $well' --decision-id d-1`,
  );
});

test.each(PHASES)('whatever the demo decides by itself in %s is a decision that the workflow understands', (phase) => {
  const question = openQuestion(statusIn(phase, NOW));
  if (question) {
    const { action, ...rest } = question.byItself;
    expect(ACTIONS).toContain(action);
    expect(parseDecision(action, { ...rest, by: 'ana' })).not.toHaveProperty('problem');
  }
  expect(question !== undefined).toBe(['checking', 'awaiting-approval', 'rollback-stalled'].includes(phase));
});

test('where nobody is there the demo has a critical check measured again before it gives up', () => {
  const status = statusIn('checking', NOW);
  const checks = status.checks.map((check) => ({ ...check, critical: true, outcome: 'failed' as const }));
  const after = (rechecksAsked: number) =>
    openQuestion({ ...status, checks: checks.slice(0, 1), rechecksAsked })?.byItself.action;
  expect([after(0), after(4), after(5)]).toEqual(['recheck', 'recheck', 'abort']);
});

test.each(['real-time', 'short', 'sixtieth'] as const)(
  "the demo's %s runbook keeps the guide's limits and steps",
  (pace) => {
    const guide = parseRunbook(readFileSync(GUIDE_FILE, 'utf8'), { file: GUIDE_FILE, format });
    const text = demoRunbook(
      readFileSync(GUIDE_FILE, 'utf8'),
      { routerUrl: 'http://127.0.0.1:4000' },
      { pace, automaticRemedies: true },
    );
    const demo = parseRunbook(text, { file: 'demo.yaml', format });
    expect(text).not.toContain(':18080');
    expect(demo.limits).toEqual(guide.limits);
    expect(demo.checklist.map(({ id }) => id)).toEqual(guide.checklist.map(({ id }) => id));
    expect(demo.traffic.map(({ percentage }) => percentage)).toEqual([50, 100]);
    const soaks = demo.traffic.map(({ soak }) => soak);
    if (pace === 'real-time') expect(soaks).toEqual(guide.traffic.map(({ soak }) => soak));
    if (pace === 'sixtieth') expect(soaks).toEqual(guide.traffic.map(({ soak }) => soak / 60));
  },
);

test('wide characters count as two columns, and colours as none', () => {
  expect(clip('デプロイ 2.5.0', 9)).toBe('デプロイ…');
  expect(clip('デプロイ', 8)).toBe('デプロイ');
  expect(wrap('  デプロイ を 確認', 12)).toEqual(['  デプロイ', '    を 確認']);
  const red = new Chalk({ level: 1 }).red;
  expect(wrap(red('green failed'), 8).map(stripVTControlCharacters)).toEqual(['green', '  failed']);
  expect(
    aligned([
      ['名前', 'x'],
      ['shop', 'y'],
    ]),
  ).toEqual(['名前  x', 'shop  y']);
});

test('each further metric has a line of its own: what both versions have, the verdict and why', () => {
  const sight = sightIn('soaking');
  const step = sight.status?.steps[0];
  if (!sight.status || !step) throw new Error('a soak has a step');
  const analysis = [
    {
      name: 'checkouts',
      kind: 'counted',
      critical: true,
      verdict: 'breached',
      reason: 'too many',
      green: 0.3,
      blue: 0,
    },
    {
      name: 'memory',
      kind: 'query',
      critical: false,
      verdict: 'inconclusive',
      reason: 'no value',
      green: null,
      blue: null,
    },
  ] as const;
  const lines = [
    'checkouts: green 30 %, blue 0 %, breached: too many',
    'memory: not measured, inconclusive (informational): no value',
  ];
  const shown = { ...sight, status: { ...sight.status, steps: [{ ...step, analysis }] } };
  for (const view of [
    renderFull(shown, PLAIN),
    renderLive(shown, { columns: 120, rows: 60 }, PLAIN),
    renderReport({ exitCode: EXIT.ok, summary: 'done', report: buildReport(shown.status) }, PLAIN, 120),
  ])
    for (const line of lines) expect(view.map((one) => one.trim())).toContain(line);
  expect(renderDetails(shown.status)).toContain('- checkouts: green 30 %, blue 0 %, breached: too many');
});
