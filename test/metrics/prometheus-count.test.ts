import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { countSince, type PrometheusCursor } from '../../src/metrics/prometheus/count.ts';
import type { Point, ProcessStart, Track } from '../../src/metrics/prometheus/track.ts';

const SCRAPE_MS = 15_000;
const STEPS = 40;

function track(key: string, points: readonly Point[], more: Partial<Track> = {}): Track {
  return { key, target: key, version: '2.5.0', counts: 'requests', labels: { instance: key }, points, ...more };
}
const points = (...samples: readonly (readonly [at: number, ...values: number[]])[]): Point[] =>
  samples.map(([at, ...values]) => ({ at, values }));

const AN_HOUR_MS = 3_600_000;
function read(
  since: PrometheusCursor | null,
  tracks: readonly Track[],
  { starts = [], everyMs = AN_HOUR_MS }: { readonly starts?: readonly ProcessStart[]; readonly everyMs?: number } = {},
) {
  return countSince(since, { tracks, starts }, everyMs);
}

/** What `tracks` add to a reading of `before`, as the watch counts it. */
function fresh(before: readonly Track[], tracks: readonly Track[], starts: readonly ProcessStart[] = []) {
  const clock = (at: number) => track('clock', points([at, 0]), { version: '2.4.0' });
  const since = read(null, [...before, clock(1_000)]).cursor;
  return read(since, [...tracks, clock(9_000)], { starts }).intervals[0]?.counts['2.5.0'];
}

describe('property: counts add up', () => {
  /** One counter's life: per step what it rises by, whether it is scraped then, and whether it restarted before. */
  const life = fc.record({
    version: fc.constantFrom('2.4.0', '2.5.0'),
    failed: fc.boolean(),
    bornAt: fc.oneof(fc.constant(0), fc.nat(STEPS - 1)),
    /** How many steps later a sample can be read than it was taken. */
    delay: fc.nat(2),
    steps: fc.array(fc.record({ rise: fc.nat(9), scraped: fc.boolean(), restart: fc.boolean() }), {
      minLength: STEPS,
      maxLength: STEPS,
    }),
  });
  type Life = typeof life extends fc.Arbitrary<infer Value> ? Value : never;

  /** Samples, and by step what had been counted by the newest sample: a restart that no scrape can show is none. */
  function live({ bornAt, steps }: Life): { samples: Point[]; counted: { at: number; total: number }[] } {
    const samples: Point[] = [];
    const counted: { at: number; total: number }[] = [];
    let [value, total, shown] = [0, 0, 0];
    for (let step = bornAt; step <= STEPS; step += 1) {
      const { rise = 0, scraped = true, restart = false } = steps[step] ?? {};
      if (scraped && restart && rise < shown) value = 0;
      value += rise;
      total += rise;
      if (!scraped) continue;
      // What rose unseen before a restart is lost to everybody.
      if (value === rise && restart && rise < shown) total = (counted.at(-1)?.total ?? 0) + rise;
      shown = value;
      samples.push({ at: step * SCRAPE_MS, values: [value] });
      counted.push({ at: step * SCRAPE_MS, total });
    }
    return { samples, counted };
  }

  test('over random births, restarts, gaps, late samples, lost workers and polls', () => {
    fc.assert(
      fc.property(
        fc.array(life, { minLength: 1, maxLength: 6 }),
        fc.uniqueArray(fc.nat(STEPS), { minLength: 1, maxLength: 12 }),
        fc.constantFrom(SCRAPE_MS / 2, SCRAPE_MS, 2.5 * SCRAPE_MS, AN_HOUR_MS),
        (lives, polls, everyMs) => {
          const all = lives.map((one, index) => ({ one, key: String(index), ...live(one) }));
          const counts = { requests: 0, failed: 0 };
          let carry: PrometheusCursor | null = null;
          for (const now of [...polls.sort((a, b) => a - b), STEPS + 2]) {
            const from: number = (carry?.at ?? now * SCRAPE_MS) - 6 * SCRAPE_MS;
            const tracks = all.map(({ one, key, samples }) =>
              track(
                key,
                samples.filter(({ at }) => at > from && at / SCRAPE_MS + one.delay <= now),
                { version: one.version, counts: one.failed ? 'failed' : 'requests' },
              ),
            );
            // Something is always scraped, or there would be nothing new to read.
            const clock = track('clock', points([now * SCRAPE_MS + 1, 0]), { version: 'router' });
            const { cursor, intervals } = read(carry, [...tracks, clock], { everyMs });
            for (const { requests, failed } of intervals.flatMap((one) => Object.values(one.counts))) {
              counts.requests += requests;
              counts.failed += failed;
            }
            const ends: readonly number[] = [carry?.at ?? 0, ...intervals.map(({ to }) => to)];
            if (carry) expect(intervals.map((one) => one.from)).toEqual(ends.slice(0, -1));
            if (carry) expect(ends.at(-1)).toBe(cursor.at);
            carry = JSON.parse(JSON.stringify(cursor)) as PrometheusCursor;
          }
          // The baseline saw a counter's newest value; what it counted until its last sample came after that.
          const first = Math.min(...polls);
          const expected = { requests: 0, failed: 0 };
          for (const { one, samples, counted } of all) {
            const seen = samples.findLast(
              ({ at }) => at / SCRAPE_MS + one.delay <= first && at > (first - 6) * SCRAPE_MS,
            );
            const before = seen ? (counted.find(({ at }) => at === seen.at)?.total ?? 0) : 0;
            const old = samples.some(({ at }) => at <= (first - 6) * SCRAPE_MS) && !seen;
            fc.pre(!old); // was away for longer than the first look goes back: nobody can know
            const rise = (counted.at(-1)?.total ?? 0) - before;
            expected.requests += rise;
            expected.failed += one.failed ? rise : 0;
          }
          expect(counts).toEqual(expected);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('a counter that is new', () => {
  const known = track('old', points([1_000, 5]));

  test('counts from its first request, since that may be the first error', () => {
    expect(fresh([known], [known, track('born', points([2_000, 7]), { counts: 'failed' })])).toMatchObject({
      requests: 7,
      failed: 7,
    });
  });

  test('of an old process that Prometheus did not know counts from its first sample', () => {
    const found = track('found', points([2_000, 50_000], [3_000, 50_004]));
    const start = { labels: { instance: 'found' }, startedAt: 10, scrapedSince: 2_000 };
    expect(fresh([known], [found], [start])).toMatchObject({ requests: 4 });
    // A router knows a new version from its first request, however long it runs itself.
    expect(fresh([known], [found], [{ ...start, scrapedSince: 500 }])).toMatchObject({ requests: 50_004 });
    // And a process that has just started is new, too.
    expect(fresh([known], [found], [{ ...start, startedAt: 1_500 }])).toMatchObject({ requests: 50_004 });
  });
});

test('every restart that a scrape saw is counted, also two between readings', () => {
  const before = track('a', points([1_000, 10]));
  expect(fresh([before], [track('a', points([1_000, 10], [2_000, 5], [3_000, 12], [4_000, 3]))])).toMatchObject({
    requests: 5 + 7 + 3,
  });
});

test('a target that restarted is named once, however many of its counters fell', () => {
  const counters = (at: number, value: number) => [
    track('ok', points([at, value]), { target: 'pod-1' }),
    track('failed', points([at, value]), { target: 'pod-1', counts: 'failed' }),
    track('other', points([at, 10 * at]), { target: 'pod-2' }),
    track('of blue', points([at, 10 * at]), { target: 'pod-3', version: '2.4.0' }),
  ];
  const first = read(null, counters(1_000, 7));
  const second = read(first.cursor, counters(2_000, 3));
  expect(second.intervals[0]?.restarted).toEqual({ '2.5.0': ['pod-1'] });
  const third = read(second.cursor, counters(3_000, 4));
  expect(third.intervals[0]?.restarted).toEqual({});
  expect(read(third.cursor, counters(4_000, 1)).intervals[0]?.restarted).toEqual({ '2.5.0': ['pod-1'] });
});

describe('after a gap', () => {
  const blue = (...samples: readonly (readonly [number, number])[]) =>
    track('b', points(...samples), { version: '2.4.0' });
  const { cursor } = read(null, [track('a', points([0, 0])), blue([0, 0])]);

  test('what was missed is in intervals of a reading each, and the first has what is left over', () => {
    const green = points([5_000, 10], [10_000, 30], [15_000, 32], [23_000, 40]);
    const { intervals } = read(cursor, [track('a', green)], { everyMs: 10_000 });
    expect(intervals.map(({ from, to, counts }) => [from, to, counts['2.5.0']?.requests])).toEqual([
      [0, 13_000, 30],
      [13_000, 23_000, 10],
    ]);
  });

  test('an interval names what restarted and what did not report in it', () => {
    const green = points([5_000, 10], [15_000, 3], [35_000, 9]);
    const tracks = [track('a', green), blue([10_000, 5], [20_000, 10], [30_000, 15], [40_000, 20])];
    const { intervals } = read(cursor, tracks, { everyMs: 10_000 });
    expect(intervals.map(({ restarted, absent }) => [restarted, absent])).toEqual([
      [{}, []],
      [{ '2.5.0': ['a'] }, []],
      [{}, ['2.5.0']],
      [{}, []],
    ]);
  });

  test('time without any sample belongs to the next interval', () => {
    const { intervals } = read(cursor, [blue([5_000, 1], [30_000, 2])], { everyMs: 5_000 });
    expect(intervals.map(({ from, to }) => [from, to])).toEqual([
      [0, 5_000],
      [5_000, 30_000],
    ]);
  });

  test('of many hours there is a bounded number of intervals', () => {
    const { intervals } = read(cursor, [blue(...Array.from({ length: 30_000 }, (_, n) => [n * 1_000, n] as const))], {
      everyMs: 1_000,
    });
    expect(intervals).toHaveLength(1_000);
    expect(intervals[0]).toMatchObject({ from: 0, to: 29_000_000, counts: { '2.4.0': { requests: 29_000 } } });
  });
});

test('a counter that vanished goes on where it was', () => {
  const [gone, other] = [track('a', points([1_000, 10])), track('b', points([1_000, 1]))];
  const first = read(null, [gone, other]);
  const second = read(first.cursor, [track('b', points([2_000, 2]))]);
  const third = read(second.cursor, [track('a', points([3_000, 13]))]);
  expect(third.intervals[0]?.counts['2.5.0']).toMatchObject({ requests: 3 });
});

test('a version is as old as its newest sample, also when it is scraped no more', () => {
  const blue = (at: number, value: number) => track('b', points([at, value]), { version: '2.4.0' });
  const first = read(null, [track('a', points([1_000, 10])), blue(900, 1)]);
  const second = read(first.cursor, [track('a', points([1_000, 10])), blue(2_000, 2)]);
  expect(second.cursor.versions).toMatchObject({ '2.5.0': { sampledAt: 1_000 }, '2.4.0': { sampledAt: 2_000 } });
  expect(second.intervals[0]?.absent).toEqual(['2.5.0']);
});

test('a version whose counters are gone altogether is absent', () => {
  const first = read(null, [track('a', points([1_000, 10])), track('b', points([900, 1]), { version: '2.4.0' })]);
  expect(read(first.cursor, [track('a', points([2_000, 11]))]).intervals[0]?.absent).toEqual(['2.4.0']);
});

test('what is not newer is no interval, and the same cursor', () => {
  const { cursor } = read(null, [track('a', points([1_000, 10]))]);
  expect(read(cursor, [track('a', points([1_000, 10]))])).toEqual({ cursor, intervals: [] });
});

test('the same samples twice count once', () => {
  const first = read(null, [track('a', points([1_000, 10]))]);
  const [a, b] = [track('a', points([1_000, 10], [2_000, 14])), track('b', points([3_000, 1]))];
  const second = read(first.cursor, [a]);
  expect(second.intervals[0]?.counts['2.5.0']).toMatchObject({ requests: 4 });
  expect(read(second.cursor, [a, b]).intervals[0]?.counts['2.5.0']).toMatchObject({ requests: 1 });
});

test('an answer that lags behind, as of another replica, counts nothing twice', () => {
  const clock = (at: number) => track('clock', points([at, 0]));
  let { cursor } = read(null, [track('a', points([1_000, 10]))]);
  const counted = [];
  for (const [at, samples] of [
    [5_000, points([1_000, 10], [4_000, 16])],
    [6_000, points([1_000, 10], [2_000, 12])],
    [7_000, points([2_000, 12], [4_000, 16])],
  ] as const) {
    const next = read(cursor, [track('a', samples), clock(at)]);
    counted.push(next.intervals[0]?.counts['2.5.0']?.requests);
    cursor = next.cursor;
  }
  expect(counted).toEqual([6, 0, 0]);
});

describe('slow requests', () => {
  const slow = (...samples: readonly (readonly [number, ...number[]])[]) =>
    track('h', points(...samples), { counts: 'slow' });

  test('are those outside the bucket', () => {
    expect(fresh([slow([1_000, 10, 8, 0.5])], [slow([1_000, 10, 8, 0.5], [2_000, 20, 15, 0.5])])).toMatchObject({
      slow: 3,
    });
  });

  test('are none where the bucket changed, and so cannot be compared', () => {
    const changed = fresh([slow([1_000, 100, 90, 0.5])], [slow([2_000, 110, 50, 0.4])]);
    expect(changed).toMatchObject({ slow: 0 });
    expect(changed).not.toHaveProperty('timed'); // of no request
    // Native buckets merge.
    expect(fresh([slow([1_000, 100, 90, 0])], [slow([2_000, 110, 50, 0], [3_000, 112, 51, 0])])).toMatchObject({
      slow: 1,
    });
  });

  test('are not known while durations are not counted', () => {
    const counted = (requests: number, durations: number) => {
      const before = [track('a', points([1_000, 10])), slow([1_000, 10, 8, 0.5])];
      const after = [
        track('a', points([1_000, 10], [2_000, requests])),
        slow([1_000, 10, 8, 0.5], [2_000, durations, 8, 0.5]),
      ];
      return fresh(before, after);
    };
    expect(counted(20, 10)).toMatchObject({ requests: 10, slow: 0, timed: 0 });
    expect(counted(20, 11)).toMatchObject({ requests: 10, slow: 1, timed: 1 });
    expect(counted(20, 20)).not.toHaveProperty('timed'); // all of them
    // Only blue has a histogram.
    const [ofBlue, requests] = [
      { ...slow([1_000, 10, 8, 0.5], [2_000, 20, 8, 0.5]), version: '2.4.0' },
      track('a', points([1_000, 10], [2_000, 20])),
    ];
    expect(fresh([track('a', points([1_000, 10]))], [requests, ofBlue])).toMatchObject({ requests: 10, timed: 0 });
    // Nobody counts durations.
    expect(fresh([track('a', points([1_000, 10]))], [requests])).not.toHaveProperty('timed');
  });

  test('show a restart by either bucket', () => {
    expect(fresh([slow([1_000, 10, 10, 0.5])], [slow([2_000, 12, 3, 0.5])])).toMatchObject({ slow: 9 });
  });
});

test('versions named like the insides of JavaScript are versions', () => {
  const first = read(null, [track('a', points([1_000, 1]))]);
  const cursor = JSON.parse(JSON.stringify(first.cursor)) as PrometheusCursor;
  const second = read(cursor, [track('b', points([2_000, 3]), { version: '__proto__' })]);
  expect(second.intervals[0]?.counts).toMatchObject(Object.fromEntries([['__proto__', { requests: 3 }]]));
  const again = JSON.parse(JSON.stringify(second.cursor)) as PrometheusCursor;
  const third = read(again, [track('b', points([3_000, 5]), { version: '__proto__' })]);
  expect(third.intervals[0]?.counts).toMatchObject(Object.fromEntries([['__proto__', { requests: 2 }]]));
});
