import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { Reading, SeriesReading } from '../../src/plugin/counters.ts';
import { advance, freshCounts, mergeReadings } from '../../src/plugin/counters.ts';

function reading(...series: (Partial<SeriesReading> & { target?: number })[]): Reading {
  return {
    at: 0,
    series: Object.fromEntries(
      series.map(({ target = 0, version = '2.5.0', ...rest }) => [
        `${target}/${version}`,
        { version, requests: 0, failed: 0, slow: 0, seconds: 0, ...rest },
      ]),
    ),
  };
}
const fresh = (...args: Parameters<typeof freshCounts>) => freshCounts(...args)['2.5.0'];

test('the first reading is the baseline: nothing is new', () => {
  expect(freshCounts(null, reading({ requests: 100 }))).toEqual({});
});

test('the difference counts, summed over targets and apart by version', () => {
  const before = reading(
    { requests: 10, failed: 1, slow: 2, seconds: 1 },
    { target: 1, requests: 5 },
    { version: '2.4.0', requests: 7 },
  );
  const after = reading(
    { requests: 15, failed: 3, slow: 2, seconds: 2 },
    { target: 1, requests: 6 },
    { version: '2.4.0', requests: 8 },
  );
  expect(freshCounts(before, after)).toEqual({
    '2.5.0': { requests: 6, failed: 2, slow: 0, seconds: 1 },
    '2.4.0': { requests: 1, failed: 0, slow: 0, seconds: 0 },
  });
});

test('a series that was not there counts from 0, so that the first errors of a fresh version are kept', () => {
  expect(fresh(reading(), reading({ requests: 7, failed: 7 }))).toMatchObject({ requests: 7, failed: 7 });
});

test.each<[string, Partial<SeriesReading>, Partial<SeriesReading>]>([
  ['a lower count of requests', { requests: 10 }, { requests: 4 }],
  ['a lower count of failures', { requests: 3, failed: 2 }, { requests: 4 }],
  ['a lower sum of seconds', { requests: 3, seconds: 2 }, { requests: 4 }],
  ['another start', { requests: 3, startedAt: 1_000 }, { requests: 4, startedAt: 9_000 }],
])('after a restart, seen by %s, everything since then counts', (_name, before, after) => {
  expect(fresh(reading(before), reading(after))).toMatchObject({ requests: 4 });
});

test('a start that is rounded differently is no restart', () => {
  expect(fresh(reading({ requests: 3, startedAt: 1_000 }), reading({ requests: 4, startedAt: 1_900 }))).toMatchObject({
    requests: 1,
  });
});

test('a series that vanished and is back is not counted twice', () => {
  const gone = mergeReadings(reading({ requests: 10 }), reading());
  expect(fresh(gone, reading({ requests: 12 }))).toMatchObject({ requests: 2 });
  expect(fresh(gone, reading({ requests: 3 }))).toMatchObject({ requests: 3 });
  expect(fresh(reading({ requests: 10 }), reading())).toBeUndefined();
});

test('however many polls are missed, nothing is lost or counted twice', () => {
  const steps = fc.array(fc.record({ requests: fc.nat(50), restart: fc.boolean(), polled: fc.boolean() }), {
    maxLength: 30,
  });
  fc.assert(
    fc.property(steps, (moments) => {
      let requests = 0;
      let startedAt = 0;
      let carry = reading({ requests, startedAt });
      let counted = 0;
      let expected = 0;
      let lost = 0;
      for (const { requests: more, restart, polled } of moments) {
        if (restart) {
          // What came after the last poll dies with the process: nobody can count it.
          expected -= lost;
          requests = lost = 0;
          startedAt += 10_000;
        }
        requests += more;
        expected += more;
        lost += more;
        if (!polled) continue;
        lost = 0;
        const now = reading({ requests, startedAt });
        counted += fresh(carry, now)?.requests ?? 0;
        carry = mergeReadings(carry, now);
      }
      expect(counted).toBe(expected - lost);
    }),
  );
});

const at = (time: number, ...series: Parameters<typeof reading>): Reading => ({ ...reading(...series), at: time });

test('a reading that is not newer is no interval, and nothing to go on from', () => {
  const before = at(1_000, { requests: 10 });
  expect(advance(before, at(1_000, { requests: 12 }))).toEqual({ reading: before });
  expect(advance(before, at(900, { requests: 12 }))).toEqual({ reading: before });
  expect(advance(null, before)).toEqual({ reading: before });
});

test('an interval names the targets that restarted in it, by version', () => {
  const blue = { version: '2.4.0' };
  const before = at(1_000, { requests: 10 }, { target: 1, requests: 10 }, { ...blue, requests: 10 });
  const after = at(2_000, { requests: 3 }, { target: 1, requests: 12 }, { ...blue, requests: 11 });
  expect(advance(before, after).interval).toMatchObject({ from: 1_000, to: 2_000, restarted: { '2.5.0': ['0'] } });
});

test('requests whose durations are counted apart are timed as far as these go, all targets of a version together', () => {
  const before = reading({ requests: 10, timed: 10 }, { target: 1, requests: 10, timed: 10 });
  const idle = { target: 1, requests: 10, timed: 10 };
  const timed = (...series: Parameters<typeof reading>) => fresh(before, reading(...series))?.timed;
  expect(timed({ requests: 15, timed: 10 }, idle)).toBe(0);
  expect(timed({ requests: 15, timed: 12 }, idle)).toBe(2);
  expect(timed({ requests: 15, timed: 15 }, idle)).toBeUndefined(); // all of them
  expect(timed({ requests: 15, timed: 10 }, { target: 1, requests: 11, timed: 11 })).toBe(1);
  expect(timed({ requests: 15, timed: 0 }, idle)).toBe(0); // its histogram is gone
  expect(timed({ requests: 3, timed: 0 }, idle)).toBe(0); // it restarted
  // The application counts durations, and its gateway requests.
  const apart = (requests: number, durations: number) =>
    reading({ requests, timed: 0 }, { target: 1, timed: durations });
  expect(fresh(apart(10, 10), apart(15, 15))).not.toHaveProperty('timed');
  expect(fresh(apart(10, 10), apart(15, 12))).toMatchObject({ requests: 5, timed: 2 });
});

test('where slow means over another limit since, the durations in between are not known', () => {
  const [before, after] = [
    { requests: 10, timed: 10, slow: 4, slowOver: 0.5 },
    { requests: 15, timed: 15, slow: 2, slowOver: 1 },
  ];
  expect(fresh(reading(before), reading(after))).toMatchObject({ requests: 5, slow: 0, timed: 0 });
});

test('a version that did not report is absent, one that had no request is not', () => {
  const blue = { version: '2.4.0', requests: 10 };
  const before = at(1_000, { requests: 10 }, { target: 1, requests: 10 }, blue);
  expect(advance(before, at(2_000, { requests: 10 }, { target: 1, requests: 10 }, blue)).interval?.absent).toEqual([]);
  expect(advance(before, at(2_000, { target: 1, requests: 10 }, blue)).interval?.absent).toEqual([]);
  expect(advance(before, at(2_000, blue)).interval?.absent).toEqual(['2.5.0']);
});
