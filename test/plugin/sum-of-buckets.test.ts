import { expect, test } from '@jest/globals';
import { sumOfBuckets } from '../../src/plugin/index.ts';

const since = { from: 1_000, stepMs: 1_000 };
const NONE = { requests: 0, failed: 0, slow: 0, seconds: 0 };

test('buckets are added up by version, and what is missing is 0', () => {
  const buckets = [
    { version: 'blue', from: 1_000, counts: { requests: 10 } },
    { version: 'blue', from: 3_000, counts: { requests: 20, seconds: 4.5 } },
    { version: 'blue', from: 3_000, counts: { slow: 2.4 } },
    { version: 'green', from: 1_000, counts: { requests: 5, failed: 1 } },
  ];
  expect(sumOfBuckets(buckets, since)).toEqual({
    counts: { blue: { requests: 30, failed: 0, slow: 2, seconds: 4.5 }, green: { ...NONE, requests: 5, failed: 1 } },
    upTo: 4_000,
  });
});

test('what a plugin gives as undefined is missing, and only some requests may be timed', () => {
  const buckets = [
    { version: 'blue', from: 1_000, counts: { requests: 10, timed: 4, slow: 3, ...({ failed: undefined } as object) } },
    { version: 'blue', from: 1_000, counts: { requests: 5 } },
  ];
  expect(sumOfBuckets(buckets, since).counts).toEqual({
    blue: { requests: 15, failed: 0, slow: 3, seconds: 0, timed: 9 },
  });
});

test('what comes after the newest requests is not counted yet: it would be counted again', () => {
  const buckets = [
    { version: 'blue', from: 1_000, counts: { requests: 10 } },
    { version: 'blue', from: 2_000, counts: { requests: 0 } },
    { version: 'green', from: 2_000, counts: { failed: 3 } },
  ];
  expect(sumOfBuckets(buckets, since)).toEqual({ counts: { blue: { ...NONE, requests: 10 } }, upTo: 2_000 });
  expect(sumOfBuckets([], since)).toEqual({ counts: {}, upTo: 1_000 });
});

test('failed requests may be the difference of two counts, which need not agree in each bucket', () => {
  const buckets = [
    { version: 'blue', from: 1_000, counts: { requests: 10, failed: 10 } },
    { version: 'blue', from: 1_000, counts: { failed: -8 } },
    { version: 'blue', from: 2_000, counts: { requests: 10, failed: 10 } },
    { version: 'blue', from: 2_000, counts: { failed: -11 } },
    { version: 'green', from: 2_000, counts: { requests: 10, failed: 10 } },
    { version: 'green', from: 2_000, counts: { failed: -11 } },
  ];
  expect(sumOfBuckets(buckets, since).counts).toMatchObject({ blue: { failed: 1 }, green: { failed: 0 } });
});
