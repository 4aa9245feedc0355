import { afterEach, expect, jest, test } from '@jest/globals';
import { type AskedInterval, countedByInterval, type IntervalAnswer } from '../../src/plugin/index.ts';

const { signal } = new AbortController();
const MINUTE = 60_000;
const NOON = Date.UTC(2026, 0, 1, 12);

afterEach(() => {
  jest.restoreAllMocks();
});
function itIs(time: number): void {
  jest.spyOn(Date, 'now').mockReturnValue(time);
}

/** A service with buckets of a minute: so many requests of blue in each, by its start. It has data up to `newest`. */
function service(buckets: Readonly<Record<number, number>>, newest = Number.POSITIVE_INFINITY) {
  const asked: AskedInterval[] = [];
  const count = async ({ from, to }: AskedInterval): Promise<IntervalAnswer> => {
    asked.push({ from, to });
    const starts = Object.keys(buckets).map(Number);
    const inside = starts.filter((start) => start >= from && start < to && start < newest);
    const requests = inside.reduce((sum, start) => sum + (buckets[start] ?? 0), 0);
    return {
      counts: requests > 0 ? { blue: { requests, failed: 0, slow: 0, seconds: 0 } } : {},
      upTo: Math.max(from, ...inside.map((start) => start + MINUTE)),
    };
  };
  const source = countedByInterval(
    { count, unknownBlue: (blue, known) => ({ found: `${blue} is not in [${known.join()}]`, unblock: 'name it' }) },
    {
      stepMs: MINUTE,
      delayMs: 2 * MINUTE,
      pollMs: MINUTE,
      measuresLatency: false,
      compared: { blue: 'blue', green: 'green' },
    },
  );
  return { ...source, asked };
}
const blue = (requests: number) => ({ blue: { requests, failed: 0, slow: 0, seconds: 0 } });

test('a bucket is asked for once, when it is as old as the delay', async () => {
  const { read, asked } = service({ [NOON]: 10, [NOON + MINUTE]: 20 });
  itIs(NOON + 3 * MINUTE - 1);
  expect(await read({ at: NOON }, signal)).toEqual({ cursor: { at: NOON }, intervals: [] });
  expect(asked).toEqual([]);
  itIs(NOON + 3 * MINUTE);
  const { cursor, intervals } = await read({ at: NOON }, signal);
  expect(intervals).toEqual([{ from: NOON, to: NOON + MINUTE, counts: blue(10) }]);
  itIs(NOON + 4 * MINUTE);
  expect((await read(cursor, signal)).intervals).toMatchObject([{ from: NOON + MINUTE, counts: blue(20) }]);
});

test('a service that is behind has no news: that is not the same as no requests', async () => {
  const late = service({ [NOON]: 10, [NOON + MINUTE]: 20 }, NOON + MINUTE);
  itIs(NOON + 6 * MINUTE);
  const { cursor, intervals } = await late.read({ at: NOON }, signal);
  expect(intervals).toEqual([{ from: NOON, to: NOON + MINUTE, counts: blue(10) }]);
  expect(await late.read(cursor, signal)).toEqual({ cursor, intervals: [] });
  const current = service({ [NOON]: 10, [NOON + MINUTE]: 20 });
  expect((await current.read(cursor, signal)).intervals).toMatchObject([{ from: cursor.at, counts: blue(20) }]);
});

test('minutes without requests count as such once there are newer data', async () => {
  const { read } = service({ [NOON + 4 * MINUTE]: 5 });
  itIs(NOON + 8 * MINUTE);
  const { cursor, intervals } = await read({ at: NOON }, signal);
  expect(intervals.map(({ from, to, counts }) => [(from - NOON) / MINUTE, (to - NOON) / MINUTE, counts])).toEqual([
    [0, 1, {}],
    [1, 2, {}],
    [2, 3, {}],
    [3, 4, {}],
    [4, 5, blue(5)],
  ]);
  expect(cursor.at).toBe(NOON + 5 * MINUTE);
});

test('a cursor between two buckets goes on with the next one, without a gap', async () => {
  const { read, asked } = service({ [NOON]: 1, [NOON + MINUTE]: 20 });
  itIs(NOON + 4 * MINUTE);
  const { intervals } = await read({ at: NOON + 1 }, signal);
  expect(intervals).toEqual([{ from: NOON + 1, to: NOON + 2 * MINUTE, counts: blue(20) }]);
  expect(asked).toEqual([{ from: NOON + MINUTE, to: NOON + 2 * MINUTE }]);
});

test('counting begins where the newest data end', async () => {
  const { read } = service({ [NOON]: 10 });
  itIs(NOON + 4 * MINUTE);
  expect(await read(null, signal)).toEqual({ cursor: { at: NOON + MINUTE }, intervals: [] });
});

test('before a shift the last hour says whether blue is known, and is asked for once per bucket', async () => {
  const { inspect, asked } = service({ [NOON]: 10 });
  itIs(NOON + 5 * MINUTE);
  const found = await inspect?.(null, signal);
  expect(found).toMatchObject({ cursor: { at: NOON + MINUTE }, problems: [], series: { blue: { requests: 10 } } });
  itIs(NOON + 5 * MINUTE + 1_000);
  await inspect?.(null, signal);
  expect(asked).toEqual([{ from: NOON - 57 * MINUTE, to: NOON + 3 * MINUTE }]);
  itIs(NOON + 90 * MINUTE);
  expect(await inspect?.(null, signal)).toMatchObject({ problems: [{ found: 'blue is not in []' }] });
});
