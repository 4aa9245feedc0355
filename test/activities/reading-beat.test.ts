import { expect, test } from '@jest/globals';
import { readingBeat } from '../../src/activities/reading-beat.ts';

interface Source {
  readonly everyMs: number;
  readonly phaseMs: number;
  /** So long after its time a sample can be read. */
  readonly lagMs: number;
}

/** The ages at which new samples are read in ten minutes, and how often was read. */
function watched({ everyMs, phaseMs, lagMs }: Source, pollMs: number, until = 600_000) {
  const next = readingBeat(pollMs);
  const ages: number[] = [];
  let reads = 0;
  let seen = -Infinity;
  for (let at = 0; at < until; reads += 1) {
    const sampledAt = Math.floor((at - lagMs - phaseMs) / everyMs) * everyMs + phaseMs;
    const isNew = sampledAt > seen;
    if (isNew) ages.push(at - sampledAt);
    seen = sampledAt;
    at = next({ begunAt: at, sampledAt, isNew });
  }
  return { ages, reads };
}

test.each([
  { everyMs: 5_000, phaseMs: 0, lagMs: 20 },
  { everyMs: 5_000, phaseMs: 1_234, lagMs: 20 },
  { everyMs: 5_000, phaseMs: 4_999, lagMs: 150 },
  { everyMs: 15_000, phaseMs: 9_000, lagMs: 100 },
])(
  'a sample every $everyMs ms is read soon after it is there, and as often as there are samples ($phaseMs)',
  (source) => {
    const { ages, reads } = watched(source, source.everyMs);
    expect(Math.max(...ages.slice(3))).toBeLessThanOrEqual(210);
    expect(reads).toBeLessThanOrEqual(600_000 / source.everyMs + 3);
  },
);

test('where samples take long to be there, the beat follows, with few readings in vain', () => {
  const { ages, reads } = watched({ everyMs: 5_000, phaseMs: 700, lagMs: 1_100 }, 5_000);
  expect(Math.max(...ages.slice(6))).toBeLessThanOrEqual(2_400);
  expect(reads).toBeLessThanOrEqual(1.3 * 120);
});

test('where no samples come, it reads a few times sooner and then on its beat', () => {
  const next = readingBeat(5_000);
  const pauses = Array.from({ length: 8 }, () => next({ begunAt: 0, sampledAt: -60_000, isNew: false }));
  expect(pauses.filter((ms) => ms < 5_000).length).toBeLessThanOrEqual(4);
  expect(pauses.at(-1)).toBe(5_000);
});

test('a page is read every poll, and so is a source that cannot be read', () => {
  const next = readingBeat(1_000);
  expect(next({ begunAt: 10_000, sampledAt: 10_005, isNew: true })).toBe(11_000);
  expect(next({ begunAt: 11_000 })).toBe(12_000);
});

test('samples that come more often than they are read do not make it read more often', () => {
  const { reads } = watched({ everyMs: 5_000, phaseMs: 3_000, lagMs: 20 }, 15_000);
  expect(reads).toBeLessThanOrEqual(600_000 / 15_000 + 4);
});

test('samples that come less often than they are read are not asked for much more often', () => {
  const { reads } = watched({ everyMs: 15_000, phaseMs: 3_000, lagMs: 20 }, 5_000);
  expect(reads).toBeLessThanOrEqual(1.6 * (600_000 / 5_000));
});

test('the first sample after a shift is waited for, not looked for', () => {
  const next = readingBeat(5_000);
  expect(next({ begunAt: 50, sampledAt: -240, isNew: false })).toBe(4_960);
  expect(next({ begunAt: 4_960, sampledAt: 4_760, isNew: true })).toBe(9_960);
});
