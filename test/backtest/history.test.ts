import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { cutSoaks, stretchesOf } from '../../src/backtest/history.ts';
import { formatHistory, parseHistory } from '../../src/backtest/history-file.ts';
import { inWholeNumbers } from '../../src/plugin/history.ts';
import { independent, pastOf, STEP_MS } from './support.ts';

const line = (t: number, rest = '"n": 10, "failed": 1') => `{"t": ${t}, ${rest}}`;

describe('a file of the past', () => {
  test('is read back as it was written, with its gaps', () => {
    const [before, after] = [
      pastOf(50, { failed: independent(0.1) }),
      pastOf(100, { failed: independent(0.1) }, 2).slice(60),
    ];
    const past = { intervals: [...before, ...after], notices: [] };
    const read = parseHistory(formatHistory(past), 'past.jsonl');
    expect(read).toEqual(past);
    expect(stretchesOf(read.intervals).map(({ length }) => length)).toEqual([50, 40]);
  });

  test('a missing line makes the next interval longer; slow may be missing, and so may a last line feed', () => {
    const { intervals } = parseHistory([line(1_000), line(2_000), '', line(4_000), line(5_000)].join('\n'), 'f');
    expect(intervals.map(({ from, to }) => [from, to])).toEqual([
      [0, 1_000],
      [1_000, 2_000],
      [2_000, 4_000],
      [4_000, 5_000],
    ]);
    expect(intervals[0]).toEqual({ from: 0, to: 1_000, requests: 10, failed: 1, slow: 0 });
  });

  test.each([
    ['no JSON', `${line(1)}\nt=1`, /^f:2: found no JSON, expected \{"t"/],
    ['a count that is missing', line(1, '"n": 3'), /^f:1: failed: found nothing, expected a number/],
    ['a count that is text', line(1, '"n": "3", "failed": 0'), /^f:1: n: found "3", expected a number/],
    [
      'more failed than there were',
      line(1, '"n": 3, "failed": 4'),
      /^f:1: failed: found 4, expected at most n, which is 3/,
    ],
    ['times that fall', `${line(2_000)}\n${line(1_000)}`, /^f: the times do not rise: interval 2/],
    ['too little', line(1_000), /^f: found 1 intervals, expected at least two/],
    ['nothing', '', /found 0 intervals/],
  ])('with %s is refused, with the place', (_, text, why) => {
    expect(() => parseHistory(text, 'f')).toThrow(why);
  });
});

test('in whole numbers, sums stay what they were, and no interval has more bad requests than requests', () => {
  const some = fc.array(
    fc.record({
      requests: fc.double({ min: 0, max: 500, noNaN: true }),
      bad: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    { minLength: 1, maxLength: 60 },
  );
  fc.assert(
    fc.property(some, (parts) => {
      const intervals = parts.map(({ requests, bad }, index) => ({
        from: index,
        to: index + 1,
        requests,
        failed: bad * requests,
        slow: 0,
      }));
      const whole = inWholeNumbers(intervals);
      const sum = (of: readonly { requests: number }[]) => of.reduce((total, { requests }) => total + requests, 0);
      expect(Math.abs(sum(whole) - sum(intervals))).toBeLessThan(0.51);
      for (const { requests, failed } of whole) {
        expect(Number.isInteger(requests) && Number.isInteger(failed)).toBe(true);
        expect(failed).toBeGreaterThanOrEqual(0);
        expect(failed).toBeLessThanOrEqual(requests);
      }
    }),
  );
});

describe('cutting soaks', () => {
  const lengths = { soakMs: 60_000, maxSoakMs: 180_000 };

  test('each begins where the one before ends, and holds its extension', () => {
    const soaks = cutSoaks(pastOf(600, { failed: () => 1 }), lengths);
    expect(soaks).toHaveLength(100);
    expect(soaks.map(({ at }) => at)).toEqual(soaks.map((_, index) => index * 60_000));
    expect(soaks[0]?.intervals).toHaveLength(18);
    expect(soaks.at(-1)?.intervals).toHaveLength(6);
  });

  test('none goes over a gap, and a rest that is no whole soak is left out', () => {
    const all = pastOf(100, { failed: () => 0 });
    const soaks = cutSoaks([...all.slice(0, 11), ...all.slice(50, 65)], lengths);
    expect(soaks.map(({ at, intervals }) => [at / STEP_MS, intervals.length])).toEqual([
      [0, 11],
      [50, 15],
      [56, 9],
    ]);
  });

  test('an interval longer than the soak is a soak of its own', () => {
    const long = [0, 1, 2].map((n) => ({ from: n * 90_000, to: (n + 1) * 90_000, requests: 9, failed: 0, slow: 0 }));
    expect(cutSoaks(long, lengths).map(({ at }) => at)).toEqual([0, 90_000, 180_000]);
  });
});
