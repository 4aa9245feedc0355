import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { countSteps, measuresDurations } from '../../src/metrics/prometheus/count.ts';
import { openBins } from '../../src/metrics/prometheus/history/bin-steps.ts';
import type { Track } from '../../src/metrics/prometheus/track.ts';

const STEP_MS = 10_000;

/** A counter of requests, sampled each ten seconds from `from` on, half way through an interval. */
function counter(
  values: readonly (number | readonly number[])[],
  { from = 0, ...more }: Partial<Track> & { readonly from?: number } = {},
): Track {
  const { counts = 'requests', target = 'a' } = more;
  const points = values.map((value, index) => ({ at: from + 5_000 + index * STEP_MS, values: [value].flat() }));
  return { key: `${target} ${counts}`, target, version: '2.4.0', counts, points, labels: {}, ...more };
}

/** The targets in `known` were there before. */
function booked(pieces: readonly Track[][], known: readonly string[] = []) {
  const bins = openBins({ from: 0, to: 1_000_000, stepMs: STEP_MS });
  const marks = new Map<string, readonly number[]>();
  for (const piece of pieces)
    countSteps(piece, marks, {
      hasDurations: measuresDurations(pieces.flat()),
      isBorn: ({ target }) => known.includes(target),
      book: bins.add,
    });
  return bins.intervals();
}

const requestsIn = (...pieces: readonly Track[][]) => booked(pieces).map(({ requests }) => requests);

describe('increases of counters', () => {
  test('are booked where the later sample lies; the first is where counting begins', () => {
    expect(booked([[counter([500, 507, 507, 520])]])).toEqual([
      { from: 10_000, to: 20_000, requests: 7, failed: 0, slow: 0 },
      { from: 20_000, to: 30_000, requests: 0, failed: 0, slow: 0 },
      { from: 30_000, to: 40_000, requests: 13, failed: 0, slow: 0 },
    ]);
  });

  test('count from 0 after a restart', () => {
    expect(requestsIn([counter([500, 510, 4, 9])])).toEqual([10, 4, 5]);
  });

  test('keep the first failures of a counter that is born with them', () => {
    const good = counter([100, 110, 120, 130]);
    const failures = counter([3, 5], { target: 'born', from: 20_000, counts: 'failed' });
    expect(booked([[good, failures]], ['born']).map(({ requests, failed }) => [requests, failed])).toEqual([
      [10, 0],
      [13, 3],
      [12, 2],
    ]);
  });

  test('do not count what a new target had counted before it was known', () => {
    const other = counter([9_000, 9_001], { target: 'b', from: 20_000 });
    expect(requestsIn([counter([100, 110, 120, 130]), other])).toEqual([10, 10, 11]);
  });

  test('make a longer interval where a scrape is missing, and a gap where many are', () => {
    const before = counter([0, 1, 2]);
    const soon = counter([9, 10], { from: 50_000 });
    const late = counter([999, 1_000, 1_001], { from: 600_000 });
    const found = booked([[before], [soon], [late]]);
    expect(found.map(({ from, to, requests }) => [from / 1_000, to / 1_000, requests])).toEqual([
      [10, 20, 1],
      [20, 30, 1],
      [30, 60, 7],
      [60, 70, 1],
      [600, 610, 0],
      [610, 620, 1],
      [620, 630, 1],
    ]);
  });

  test('of a histogram are slow where it counted more than up to the limit', () => {
    const requests = counter([0, 10, 30]);
    const durations = counter(
      [
        [0, 0, 0.5],
        [10, 9, 0.5],
        [30, 25, 0.5],
      ],
      { counts: 'slow' },
    );
    expect(booked([[requests, durations]]).map(({ slow }) => slow)).toEqual([1, 4]);
  });

  test('are the same however the time is cut into pieces, and add up to all there was', () => {
    const counts = fc.array(fc.nat(50), { minLength: 3, maxLength: 60 });
    fc.assert(
      fc.property(counts, fc.nat(), (increases, cut) => {
        let value = 1_000;
        const values = increases.map((more) => (value += more));
        const at = 1 + (cut % (values.length - 1));
        const pieces = [[counter(values.slice(0, at))], [counter(values.slice(at), { from: at * STEP_MS })]];
        expect(requestsIn(...pieces)).toEqual(requestsIn([counter(values)]));
        expect(requestsIn(...pieces)).toEqual(increases.slice(1));
      }),
    );
  });
});
