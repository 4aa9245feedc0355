import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ACTIONS } from '../../src/domain/decision.ts';
import { decide, parseDecision, refusal } from '../../src/domain/decisions.ts';
import { type DeploymentStatus, PHASES } from '../../src/domain/status.ts';
import {
  blueRecovered,
  entered,
  opened,
  planned,
  rollbackBegun,
  roundFailed,
  soakProven,
  stepBegun,
  trafficMoved,
} from '../../src/domain/transitions.ts';
import { waitingFor } from '../../src/domain/waiting-for.ts';
import { CHECKS, planFor } from '../support/world.ts';

const plan = {
  ...planFor({ service: 'shop', version: '2.5.0' }),
  checklist: { checks: Object.values(CHECKS), timeoutMs: 1_000 },
};
const resolved = planned(opened({ service: 'shop', version: '2.5.0' }, 0), plan);
const [half, full] = plan.traffic;
const atGate = half ? soakProven(stepBegun(resolved, half, full, 1), 2, 3) : resolved;

test('any payload for any action is parsed or told what is wrong; never a throw', () => {
  fc.assert(
    fc.property(fc.constantFrom(...ACTIONS), fc.anything(), (action, payload) => {
      const parsed = parseDecision(action, payload);
      if ('problem' in parsed) expect(parsed.problem).not.toBe('');
      else expect(parsed.by.length).toBeGreaterThan(0);
    }),
  );
});

test('whatever is decided in whatever order, the state stays bounded and every decision has an answer', () => {
  const decision = fc.record({
    action: fc.constantFrom(...ACTIONS),
    by: fc.constantFrom('ana', 'ben'),
    gate: fc.option(fc.constantFrom('shift-to-100', 'shift-to-50'), { nil: undefined }),
    check: fc.option(fc.constantFrom('indexes', 'pool-size', 'load-test', 'none'), { nil: undefined }),
    decisionId: fc.option(fc.constantFrom('1', '2'), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.constantFrom(...PHASES), fc.array(decision, { maxLength: 60 }), (phase, decisions) => {
      let status: DeploymentStatus = entered(atGate, phase, 5);
      for (const given of decisions) {
        const { decisionId, gate, check, ...rest } = given;
        const one = { ...rest, ...(decisionId && { decisionId }), ...(gate && { gate }), ...(check && { check }) };
        const why = refusal(status, one);
        const { status: next, answer } = decide(status, one, 6);
        expect(answer.taken).toBe(why === undefined);
        status = next;
      }
      expect(status.decisions.filter((record) => !record.taken).length).toBeLessThanOrEqual(20);
      const ids = status.decisions
        .filter((record) => record.taken && record.decisionId)
        .map((record) => record.decisionId);
      expect(new Set(ids).size).toBe(ids.length);
      expect(status.checks.find((check) => check.critical)?.outcome).toBe('waiting');
    }),
  );
});

test('decisions that may come without end are kept up to a number, then counted; the others stay', () => {
  const rollingBack = rollbackBegun(atGate, { cause: 'breach', reason: 'bad', detectedAt: 4 }, 5);
  let status = decide(atGate, { action: 'approve', by: 'ana' }, 6).status;
  status = { ...status, phase: 'rolling-back', ...(rollingBack.rollback && { rollback: rollingBack.rollback }) };
  for (let number = 0; number < 2_000; number += 1) {
    status = decide(status, { action: 'retryRollback', by: 'ana', reason: 'x'.repeat(2_000) }, 7).status;
    status = decide(status, { action: 'abort', by: 'ana', reason: 'x'.repeat(2_000) }, 7).status;
  }
  status = entered(status, 'checking', 8);
  for (let number = 0; number < 2_000; number += 1)
    status = decide(status, { action: 'recheck', by: `bot ${number}` }, 9).status;
  expect(status.decisions.filter(({ action }) => action === 'approve')).toHaveLength(1);
  expect(status.decisions.at(-1)).toMatchObject({ taken: true, by: 'bot 1999' });
  expect(status.decisions.length + status.forgottenDecisions).toBe(6_001);
  expect(JSON.stringify(status).length).toBeLessThan(100_000);
});

test('an approval is for the open gate and no other', () => {
  const approve = { action: 'approve', by: 'ana' } as const;
  expect(refusal(atGate, approve)).toBeUndefined();
  expect(refusal(atGate, { ...approve, gate: 'shift-to-50' })).toBe('the open gate is shift-to-100, not shift-to-50');
  expect(refusal(resolved, approve)).toBe('no gate is open; the deployment is resolving');
});

test.each([
  ['ana', 'Ana'],
  ['ana', ' ANA '],
  ['ana maria', 'Ana  Maria'],
  ['jos\u00e9', 'Jose\u0301'],
  ['ana', '\uff41na'],
  ['ana maria', 'Ana\u00a0Maria'],
  ['ana', 'a\u200bna'],
  ['ana', '\ufeffana\u00ad'],
  ['stra\u00dfer', 'STRASSER'],
  ['\u03c3\u03bf\u03c6\u03cc\u03c2', '\u03a3\u039f\u03a6\u038c\u03a3'],
])('"%s" and "%s" are one person, who approves a gate once', (one, other) => {
  const [first, second] = plan.traffic.map((step) => ({
    ...step,
    approval: { required: 2, timeoutMs: 1_000, onTimeout: 'rollback' as const },
  }));
  const gate = first ? soakProven(stepBegun(resolved, first, second, 1), 2, 3) : resolved;
  const { status } = decide(entered(gate, 'awaiting-approval', 3), { action: 'approve', by: one }, 4);
  expect(refusal(status, { action: 'approve', by: one })).toBe(`${one} approved shift-to-100 already`);
  expect(refusal(status, { action: 'approve', by: other })).toBe(`${other} approved shift-to-100 already, as ${one}`);
  expect(refusal(status, { action: 'approve', by: 'anna' })).toBeUndefined();
});

test('a name that shows nothing names nobody', () => {
  for (const by of ['', ' \u00a0', '\u200b', '\ufeff\u2060'])
    expect(parseDecision('approve', { by })).toMatchObject({ problem: expect.stringContaining('by is') });
});

test('neither abort nor reject touches a rollback under way', () => {
  const rollingBack = rollbackBegun(atGate, { cause: 'breach', reason: 'bad', detectedAt: 4 }, 5);
  for (const action of ['abort', 'reject'] as const)
    expect(refusal(rollingBack, { action, by: 'ana' })).toBe(
      'the rollback is under way; it cannot be stopped. Where blue cannot be proven healthy, acceptRecovery ends it once all traffic is read back on blue',
    );
  expect(refusal(rollingBack, { action: 'retryRollback', by: 'ana' })).toBeUndefined();
});

test('once blue has recovered nobody starts another round, unless the guard fails or finds the traffic moved', () => {
  const rollingBack = rollbackBegun(atGate, { cause: 'breach', reason: 'bad', detectedAt: 4 }, 5);
  const recovered = blueRecovered(rollingBack, { healthyAt: 1_000, requests: 80, evidence: [] });
  const retry = { action: 'retryRollback', by: 'ana' } as const;
  expect(refusal(recovered, retry)).toBe('blue has recovered already; the rollback ends after its guard');
  expect(waitingFor(recovered)).toEqual({
    what: 'the end of the guard: blue has recovered, and the traffic is watched in case a late command moves it',
    since: 1_000,
    until: 1_000 + plan.rollback.guardMs,
    unblockedBy: 'time; the rollback ends then',
  });
  for (const wrong of [roundFailed(recovered, 'the guard failed', 2_000), trafficMoved(recovered, 'it moved')]) {
    expect(refusal(wrong, retry)).toBeUndefined();
    expect(waitingFor(wrong)?.what).not.toContain('the guard:');
  }
});

test('invariant 12: every phase that waits says for what, since when and what unblocks it', () => {
  const rollingBack = rollbackBegun(atGate, { cause: 'breach', reason: 'bad', detectedAt: 4 }, 5);
  for (const status of [
    entered(resolved, 'checking', 1),
    entered(atGate, 'soaking', 1),
    entered(atGate, 'awaiting-approval', 1),
    rollingBack,
    entered(rollingBack, 'rollback-stalled', 1),
  ]) {
    const wait = waitingFor(status);
    expect(wait?.what).not.toBe('');
    expect(wait?.unblockedBy).not.toBe('');
    expect(wait?.since).toBeGreaterThanOrEqual(0);
  }
});
