import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { buildReport, type DeploymentReport } from '../../src/domain/report.ts';
import { closed, opened, planned, soakProven, stepBegun, windowClosed } from '../../src/domain/transitions.ts';
import { MOST_POINTS, type Poll, type SeriesPoint, seriesOf, thinned, totalOf } from '../../src/report/series.ts';
import { planFor } from '../support/world.ts';

const plan = planFor({ service: 'shop', version: '2.5.0' });
const START = 1_000_000;
const END = START + 60_000;

/** A deployment of one soak of a minute, with windows of 20 s. */
function reportOf(): DeploymentReport {
  const [, step] = plan.traffic;
  if (!step) throw new Error('the plan has two steps');
  let status = stepBegun(
    planned(opened({ service: 'shop', version: '2.5.0' }, START - 5_000), plan),
    step,
    undefined,
    START,
  );
  for (const from of [START, START + 20_000, START + 40_000])
    status = windowClosed(status, {
      verdict: 'healthy',
      reason: 'well',
      from,
      to: from + 20_000,
      green: counted(200),
      blue: counted(200),
      watchState: { cursor: null, judge: null, soakStartedAt: START },
    });
  return buildReport(closed(soakProven(status, END, END), 'completed', 'done', END));
}

function counted(requests: number) {
  return { requests, failed: 1, slow: 2 };
}

function poll(from: number, to: number, more: Partial<Poll> = {}): Poll {
  const counts = { requests: 10, failed: 1, slow: 0, meanMs: 20 };
  return {
    soakStartedAt: START,
    at: to,
    verdict: 'healthy',
    counted: { from, to, green: counts, blue: counts },
    ...more,
  };
}

function polls(from: number, to: number): Poll[] {
  return Array.from({ length: (to - from) / 1_000 }, (_, index) =>
    poll(from + index * 1_000, from + (index + 1) * 1_000),
  );
}

test('polls of several workers are one series: in order, without what two of them counted', () => {
  const zombie = [poll(START + 9_000, START + 10_500), poll(START + 10_500, START + 11_700)];
  const [soak] = seriesOf(reportOf(), [...polls(START + 10_000, END), ...zombie, ...polls(START, START + 10_000)]);
  expect(soak).toMatchObject({ percentage: 100, from: 'polls', missing: [], failedPolls: 0 });
  expect(soak?.points).toHaveLength(60);
  expect(totalOf(soak?.points ?? [], 'green')).toEqual({ requests: 600, failed: 60, slow: 0, meanMs: 20 });
});

test('what is missing is missing: at the beginning, between, and at the end', () => {
  const [soak] = seriesOf(reportOf(), [
    ...polls(START + 5_000, START + 20_000),
    ...polls(START + 30_000, START + 50_000),
  ]);
  expect(soak?.missing).toEqual([
    { from: START, to: START + 5_000 },
    { from: START + 20_000, to: START + 30_000 },
    { from: START + 50_000, to: END },
  ]);
});

test('time in which nobody read is named, though the reading afterwards counted it', () => {
  const [soak] = seriesOf(reportOf(), [
    poll(START - 9_000, START + 1_000), // began with the deployment of green
    ...polls(START + 1_000, START + 20_000),
    poll(START + 20_000, START + 40_000),
    poll(START + 40_000, START + 41_900),
    ...polls(START + 42_000, END),
  ]);
  expect(soak).toMatchObject({ missing: [], unread: [{ from: START + 20_000, to: START + 40_000 }] });
});

test('a soak goes on while the next shift is held, and ends where the rollback begins', () => {
  const report = reportOf();
  const [step] = report.steps;
  if (!step) throw new Error('it has a step');
  const passed = { id: 'shift-to-100', required: 1, approvedBy: ['ana'], passedAt: START + 20_000 };
  const held = {
    ...report,
    steps: [
      { ...step, gate: passed },
      { ...step, percentage: 100, shiftedAt: START + 40_000 },
    ],
  };
  expect(seriesOf(held, polls(START, START + 39_000))[0]).toMatchObject({ endedAt: START + 39_000, missing: [] });
  const rollback = { detectedAt: START + 30_000 } as NonNullable<DeploymentReport['rollback']>;
  const [left] = seriesOf({ ...report, rollback }, polls(START, START + 45_000));
  expect(left).toMatchObject({ endedAt: START + 30_000, missing: [] });
  expect(left?.points.at(-1)?.to).toBe(START + 30_000);
});

test('polls that brought nothing are counted, with why the last of them did not', () => {
  const failed = (at: number, problem: string): Poll => ({
    soakStartedAt: START,
    at,
    verdict: 'inconclusive',
    problem,
  });
  const [soak] = seriesOf(reportOf(), [...polls(START, END), failed(START + 8, 'late'), failed(START + 5, 'early')]);
  expect(soak).toMatchObject({ failedPolls: 2, lastProblem: 'late', missing: [] });
});

test('without polls the finished windows serve, and that is said; polls of another soak are not taken', () => {
  const [soak] = seriesOf(reportOf(), [poll(START, START + 1_000, { soakStartedAt: START - 1 })]);
  expect(soak).toMatchObject({ from: 'windows', missing: [] });
  expect(soak?.points.map(({ green }) => green.requests)).toEqual([200, 200, 200]);
});

test('without windows either there is nothing, and all of it is missing', () => {
  const report = reportOf();
  const [soak] = seriesOf({ ...report, steps: report.steps.map((step) => ({ ...step, windows: [] })) }, []);
  expect(soak).toMatchObject({ from: 'nothing', points: [], missing: [{ from: START, to: END }] });
});

test('a long series is thinned without losing a request or a breach, and never across a gap', () => {
  const lengths = fc.array(
    fc.record({ ms: fc.integer({ min: 1, max: 5_000 }), gap: fc.boolean(), bad: fc.boolean() }),
    { minLength: 1, maxLength: 2_000 },
  );
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: 300 }), (parts, most) => {
      let at = 0;
      const points: SeriesPoint[] = parts.map(({ ms, gap, bad }) => {
        const from = at + (gap ? 1 : 0);
        at = from + ms;
        return { from, to: at, green: counted(3), blue: counted(5), verdict: bad ? 'breached' : 'healthy' };
      });
      const fewer = thinned(points, most);
      expect(fewer.length).toBeLessThanOrEqual(most + parts.filter(({ gap }) => gap).length);
      for (const version of ['green', 'blue'] as const)
        expect(totalOf(fewer, version)).toEqual(totalOf(points, version));
      const watched = (all: readonly SeriesPoint[]): number => all.reduce((sum, { from, to }) => sum + to - from, 0);
      expect(watched(fewer)).toBe(watched(points));
      expect(fewer.some(({ verdict }) => verdict === 'breached')).toBe(
        points.some(({ verdict }) => verdict === 'breached'),
      );
    }),
    { numRuns: 50 },
  );
});

test('a soak of hours has a bounded series', () => {
  const report = reportOf();
  const [soak] = seriesOf(
    report,
    Array.from({ length: 20_000 }, (_, index) => poll(START + index * 3, START + index * 3 + 3)),
  );
  expect(soak?.points.length).toBeLessThanOrEqual(MOST_POINTS);
});
