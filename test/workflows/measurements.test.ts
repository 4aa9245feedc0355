import { expect, test } from '@jest/globals';
import type { WindowResult } from '../../src/domain/activity-results.ts';
import { METRICS, type Measurement, measurementsOf } from '../../src/domain/deployment-metrics.ts';
import { type DeploymentStatus, PHASES } from '../../src/domain/status.ts';
import {
  blueRecovered,
  checklistBegun,
  closed,
  entered,
  gatePassed,
  greenDeployed,
  opened,
  planned,
  rollbackBegun,
  roundBegun,
  roundFailed,
  soakExtended,
  soakProven,
  stepBegun,
  trafficMoved,
  trafficRestored,
  windowClosed,
} from '../../src/domain/transitions.ts';
import type { Verdict } from '../../src/judge/rules.ts';
import { statusIn } from '../support/status.ts';
import { planFor } from '../support/world.ts';

const REQUEST = { service: 'shop', version: '2.5.0', reason: 'the new query pattern' };
const PLAN = planFor(REQUEST);
const [HALF, FULL] = PLAN.traffic as unknown as [(typeof PLAN.traffic)[0], (typeof PLAN.traffic)[0]];
const MINUTE = 60_000;
const WHY = { cause: 'breach', reason: 'too many errors', detectedAt: 0 } as const;

type Transition = (status: DeploymentStatus) => DeploymentStatus;

/** What was measured over these changes, in order. */
function measured(...changes: readonly Transition[]): Measurement[] {
  const found: Measurement[] = [];
  changes.reduce(
    (before, change) => {
      const after = change(before);
      found.push(...measurementsOf(before, after));
      return after;
    },
    opened(REQUEST, 0),
  );
  return found;
}

/** Counters and histograms: what must not be measured twice. Without service and environment. */
function events(measurements: readonly Measurement[]): string[] {
  return measurements
    .filter(({ metric }) => METRICS[metric].kind !== 'gauge')
    .map(({ metric, value, labels }) => {
      const own = Object.entries(labels).filter(([key]) => key !== 'service' && key !== 'environment');
      return `${metric} ${own.map(([, label]) => label).join()} ${value}`;
    });
}

/** What a page shows of the gauges in the end. */
function gauges(measurements: readonly Measurement[]): Record<string, number> {
  const found = measurements.filter(({ metric }) => METRICS[metric].kind === 'gauge');
  return Object.fromEntries(found.map(({ metric, value, labels }) => [`${metric} ${labels['phase'] ?? ''}`, value]));
}

function window(verdict: Verdict): WindowResult {
  const counts = { requests: 100, failed: 0, slow: 0 };
  const watchState = { cursor: null, judge: null, soakStartedAt: 0 };
  return { verdict, reason: 'seen', from: 0, to: 0, green: counts, blue: counts, watchState };
}

const toSoak: readonly Transition[] = [
  (status) => planned(status, PLAN),
  (status) => checklistBegun(status, 1_000, MINUTE),
  (status) => entered(status, 'deploying', 1_000),
  (status) => greenDeployed(status, 5_000),
  (status) => entered(status, 'shifting', 5_000),
  (status) => stepBegun(status, HALF, FULL, 6_000),
];
const toGate: readonly Transition[] = [
  ...toSoak,
  (status) => windowClosed(status, window('inconclusive')),
  (status) => soakExtended(status, 2 * MINUTE, { at: MINUTE, reason: 'too few requests' }),
  (status) => windowClosed(status, window('healthy')),
  (status) => soakProven(status, MINUTE, 10 * MINUTE),
  (status) => entered(status, 'awaiting-approval', MINUTE),
];
const toRollback: readonly Transition[] = [...toSoak, (status) => rollbackBegun(status, WHY, MINUTE)];

test('a deployment that completes: every phase, window and gate once, and its outcome', () => {
  const done = measured(
    ...toGate,
    (status) => gatePassed(status, 3 * MINUTE),
    (status) => entered(status, 'shifting', 3 * MINUTE),
    (status) => stepBegun(status, FULL, undefined, 4 * MINUTE),
    (status) => windowClosed(status, window('healthy')),
    (status) => soakProven(status, 5 * MINUTE, 5 * MINUTE),
    (status) => closed(status, 'completed', 'done', 5 * MINUTE),
  );
  expect(events(done)).toEqual([
    'phaseDuration resolving 1',
    'phaseDuration checking 0',
    'phaseDuration deploying 4',
    'phaseDuration shifting 1',
    'windows inconclusive 1',
    'windows healthy 1',
    'phaseDuration soaking 54',
    'gateWait approved 120',
    'phaseDuration awaiting-approval 120',
    'phaseDuration shifting 60',
    'windows healthy 1',
    'phaseDuration soaking 60',
    'deployments completed 1',
  ]);
});

test('a deployment that rolls back: cause, rounds, and the recovery time once, when it is over', () => {
  const restored = { startedAt: 0, restoredAt: 0, evidence: [] };
  const done = measured(
    ...toRollback,
    (status) => roundBegun(status, 1, MINUTE),
    (status) => roundFailed(status, 'exit code 3', 2 * MINUTE),
    (status) => roundBegun(status, 2, 3 * MINUTE),
    (status) => trafficRestored(status, restored),
    (status) => blueRecovered(status, { healthyAt: 30_000, requests: 50, evidence: [] }),
    (status) => trafficMoved(status, 'a late command'),
    (status) => blueRecovered(status, { healthyAt: 200_000, requests: 50, evidence: [] }),
    (status) => closed(status, 'rolled-back', 'done', 4 * MINUTE),
  );
  expect(events(done).slice(4)).toEqual([
    'phaseDuration soaking 54',
    'rollbacks breach 1',
    'phaseDuration rolling-back 60',
    'rollbackRounds failed 1',
    'phaseDuration rollback-stalled 60',
    'phaseDuration rolling-back 60',
    'deployments rolled-back 1',
    'rollbackRounds succeeded 1',
    'recovery false 200',
  ]);
});

test('a gate that ended in a rollback waited, too', () => {
  const done = measured(...toGate, (status) => rollbackBegun(status, { ...WHY, cause: 'gate-timeout' }, 10 * MINUTE));
  expect(events(done)).toContain('gateWait gate-timeout 540');
});

test('a run of the checklist alone is no completed deployment', () => {
  const done = measured(...toSoak.slice(0, 2), (status) => closed(status, 'completed', 'passed', 2_000));
  expect(events(done).at(-1)).toBe('deployments checked 1');
});

test('a request that was never resolved may name any service: no label repeats it', () => {
  const [duration, outcome, ...more] = measured((status) => closed(status, 'refused', 'no such runbook', 1_000));
  expect(duration?.labels).toEqual({ service: 'unknown', environment: 'unknown', phase: 'resolving' });
  expect(outcome?.labels).toEqual({ service: 'unknown', environment: 'unknown', outcome: 'refused' });
  expect(more).toEqual([]);
});

test('the phase a deployment is in is the one with the newest time, also when another was passed in no time', () => {
  expect(gauges(measured(...toSoak.slice(0, 3)))).toMatchObject({
    'phaseSince checking': 0,
    'phaseSince deploying': 1,
  });
});

test('a gate says until when it waits, while it waits', () => {
  expect(gauges(measured(...toSoak))['gateUntil ']).toBe(0);
  expect(gauges(measured(...toGate))['gateUntil ']).toBe(600);
  const passed = measured(...toGate, (status) => entered(gatePassed(status, MINUTE), 'shifting', MINUTE));
  expect(gauges(passed)['gateUntil ']).toBe(0);
});

test('a worker that takes a deployment over shows phase, gate and target with the first change it makes', () => {
  const waiting = statusIn('awaiting-approval', 0);
  const first = measurementsOf(waiting, windowClosed(waiting, window('healthy')));
  expect(gauges(first)).toEqual({ 'phaseSince awaiting-approval': 660, 'gateUntil ': 3_600, 'recoveryTarget ': 90 });
});

test('a change that concerns none of it counts nothing', () => {
  for (const phase of PHASES) {
    const status = statusIn(phase, 0);
    expect(events(measurementsOf(status, { ...status, rechecksAsked: 1 }))).toEqual([]);
  }
});

test('a clock of another machine that is ahead makes no value negative: the SDK would throw', () => {
  const done = measured(
    ...toRollback.slice(0, -1),
    (status) => rollbackBegun(status, { ...WHY, detectedAt: 9 * MINUTE }, 2_000),
    (status) => blueRecovered(status, { healthyAt: 8 * MINUTE, requests: 50, evidence: [] }),
    (status) => closed(status, 'rolled-back', 'done', 1_000),
  );
  expect(done.filter(({ value }) => !(value >= 0))).toEqual([]);
  expect(events(done)).toContain('recovery true 0');
});

test('labels are those that are declared, of few values, and never a version', () => {
  for (const phase of PHASES)
    for (const next of PHASES) {
      const before = statusIn(phase, 0);
      for (const { metric, labels } of measurementsOf(before, statusIn(next, 0))) {
        expect(Object.keys(labels).sort()).toEqual(['environment', 'service', ...METRICS[metric].labels].sort());
        expect(Object.values(labels).join(' ')).not.toMatch(/2\.\d\.0| {2}|query/);
      }
    }
});
