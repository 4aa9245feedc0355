import { stripVTControlCharacters } from 'node:util';
import { expect, test } from '@jest/globals';
import { Chalk } from 'chalk';
import fc from 'fast-check';
import { axisOf, rateIn, shareIn, sparkline, stretchesOf } from '../../src/cli/view/chart.ts';
import { fitToHeight } from '../../src/cli/view/fit-to-height.ts';
import { type Room, renderLive } from '../../src/cli/view/live.ts';
import { PLAIN } from '../../src/cli/view/output.ts';
import { NO_HISTORY, remember, type Sample } from '../../src/cli/view/phase-history.ts';
import { stepsOf } from '../../src/cli/view/progress.ts';
import type { DeploymentSnapshot } from '../../src/cli/view/snapshot.ts';
import { PHASES } from '../../src/domain/status.ts';
import { sightIn, withReadings } from '../support/sights.ts';

/** What people see, character by character; what fits where is in view.test.ts. */

const NOW = 1_800_000_000_000;
const KEYS = ['a approve   r reject   x abort   q leave, it goes on'];
const LEAVE = ['q leave, it goes on'];
const SOAKING = withReadings(sightIn('soaking', NOW, 240_000), [0, 0, 4, 24, 30], {
  code: 'insufficient-data',
  reason: 'healthy so far: 2,310 of about 3,000 requests needed for proof (about 35 s more at this rate)',
});
const GATE = sightIn('awaiting-approval', NOW, 700_000);
const BACK = sightIn('rolling-back', NOW, 132_300);
const LATE = sightIn('rolling-back', NOW, 215_200);

const VIEWS: readonly (readonly [string, DeploymentSnapshot, Room, readonly string[]])[] = [
  [
    'a soak on 80 by 24',
    SOAKING,
    { columns: 80, rows: 24 },
    [
      'shop 2.5.0 to production  soaking at 50 %  3 m',
      '✓ resolved 0.4 s  ✓ checklist  ✓ deploy  ● 50 % 3 m  · gate  · 100 %  · done',
      'traffic: blue 2.4.0 50 %, green 2.5.0 50 %',
      'Checklist: 1 of 3 (1 passed, 1 failed, 1 waiting)',
      '✗ Create indexes for new query patterns (critical): too few connections',
      '✓ Validate database connection pool sizing: as required',
      '? Conduct load testing: a person has to confirm it',
      '',
      '[█████████████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░]  3 m of 10 m, 7 m left',
      '',
      '              blue 2.4.0                 green 2.5.0',
      'rate          20.0/s   ▇▇▇   ███         20.0/s   ▇▇▇   ███',
      'errors         0.0 %   ▁▁▁   ▁▁▁         15.0 % ✗ ▁▁▁   ▁▂█       limit 5.0 %',
      'over 500 ms    0.0 %   ▂▂▂   ▁▁▁          1.0 %   ▂▂▂   ▂▂▂       limit 5.0 %',
      'mean           12 ms                      14 ms',
      'charts: 3 m, 20 s a column; full height: 20/s, 14 %, 10 %',
      '',
      'judge  ! over a limit in the newest reading; in all healthy so far: 2,310 of',
      '  about 3,000 requests needed for proof (about 35 s more at this rate)',
      'gate   shift-to-100: 0 of 1 approval, opens when the soak is proven healthy; you',
      '  can approve already',
      'a approve   r reject   x abort   q leave, it goes on',
    ],
  ],
  [
    'a soak on 40 by 12',
    SOAKING,
    { columns: 40, rows: 12 },
    [
      'shop 2.5.0  soaking at 50 %  3 m',
      '✓ ✓ ✓ deploy ● 50 % 3 m · gate · ·',
      '[█████░░░░░░░░░░]  3 m of 10 m, 7 m left',
      '              blue      green',
      'errors         0.0 %    15.0 % ✗ ≤ 5.0 %',
      'over 500 ms    0.0 %     1.0 %   ≤ 5.0 %',
      'judge  ! over a limit in the newest',
      '  reading; in all healthy so far: 2,310…',
      'a approve   r reject   x abort   q',
      '  leave, it goes on',
    ],
  ],
  [
    'a soak on a wide screen',
    SOAKING,
    { columns: 160, rows: 50 },
    [
      'shop 2.5.0 to production  soaking at 50 %  3 m',
      '✓ resolved 0.4 s  ✓ checklist  ✓ deploy  ● 50 % 3 m  · gate  · 100 %  · done',
      'traffic: blue 2.4.0 50 %, green 2.5.0 50 %',
      'Checklist: 1 of 3 (1 passed, 1 failed, 1 waiting)',
      '✗ Create indexes for new query patterns (critical): too few connections',
      '✓ Validate database connection pool sizing: as required',
      '? Conduct load testing: a person has to confirm it',
      '',
      '[███████████████████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░]  3 m of 10 m, 7 m left',
      '',
      '              blue 2.4.0                                          green 2.5.0',
      'rate          20.0/s   ▇▇▇▇▇▇       █████                         20.0/s   ▇▇▇▇▇▇       █████',
      'errors         0.0 %   ▁▁▁▁▁▁       ▁▁▁▁▁                         15.0 % ✗ ▁▁▁▁▁▁       ▁▁▂▇█                       limit 5.0 %',
      'over 500 ms    0.0 %   ▂▂▂▂▂▂       ▁▁▁▁▁                          1.0 %   ▂▂▂▂▂▂       ▂▂▂▂▂                       limit 5.0 %',
      'mean           12 ms                                               14 ms',
      'charts: 3 m, 10 s a column; full height: 20/s, 15 %, 10 %',
      '',
      'judge  ! over a limit in the newest reading; in all healthy so far: 2,310 of about 3,000 requests needed for proof (about 35 s more at this rate)',
      'gate   shift-to-100: 0 of 1 approval, opens when the soak is proven healthy; you can approve already',
      'a approve   r reject   x abort   q leave, it goes on',
    ],
  ],
  [
    'an open gate on 80 by 24',
    GATE,
    { columns: 80, rows: 24 },
    [
      'shop 2.5.0 to production  waiting for approval at 50 %  40 s',
      '✓ resolved 0.4 s  ✓ checklist  ✓ deploy  ✓ 50 % 10 m  ● gate 40 s  · 100 %',
      'traffic: blue 2.4.0 50 %, green 2.5.0 50 %',
      'Checklist: 1 of 3 (1 passed, 1 failed, 1 waiting)',
      '✗ Create indexes for new query patterns (critical): too few connections',
      '✓ Validate database connection pool sizing: as required',
      '? Conduct load testing: a person has to confirm it',
      '',
      '[███████████████████████████████████████████████████]  proven healthy after 10 m',
      '',
      '              blue 2.4.0                 green 2.5.0',
      'rate               -   █                      -   █',
      'errors             -   ▁                      -   ▁               limit 5.0 %',
      'over 500 ms        -   ▂                      -   ▂               limit 5.0 %',
      'mean               -                          -',
      'charts: 10 m 40 s, 1 m 20 s a column; full height: 18/s, 10 %, 10 %',
      '',
      'judge  ✓ healthy: green failed 0 of 1,040 requests (0 %); the limit is 5 %',
      '',
      '? GATE shift-to-100: 1 approval needed until hh:mm:ss (48 m 20 s left) to shift',
      '  to 100 %; no answer in time rolls back',
      'a approve   r reject   x abort   q leave, it goes on',
    ],
  ],
  [
    'an open gate on 40 by 12',
    GATE,
    { columns: 40, rows: 12 },
    [
      'shop 2.5.0  waiting for approval at 50 %',
      '  40 s',
      '[███████████]  proven healthy after 10 m',
      'judge  ✓ healthy: green failed 0 of',
      '  1,040 requests (0 %); the limit is 5 %',
      '? GATE shift-to-100: 1 approval needed',
      '  until hh:mm:ss (48 m 20 s left) to',
      '  shift to 100 %; no answer in time',
      '  rolls back',
      'a approve   r reject   x abort   q',
      '  leave, it goes on',
    ],
  ],
  [
    'a rollback on 80 by 24',
    BACK,
    { columns: 80, rows: 24 },
    [
      'shop 2.5.0 to production  ROLLING BACK  12 s',
      '✓ resolved 0.4 s  ✓ checklist  ✓ deploy  ✗ 50 % 1 m  ● rollback 12 s',
      'traffic: blue 2.4.0 100 %, green 2.5.0 0 %',
      '',
      'breach: green failed 212 of 1,040 requests',
      '',
      'recovery [███████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░]  12.3 s of 90 s',
      '    +0.0 s  detected at 2027-01-15 hh:mm:ss',
      '    +0.0 s  rollback started',
      '    +0.8 s  the router sends all traffic to blue',
      '',
      'waits for all traffic on blue, and blue healthy over fresh requests',
      'q leave, it goes on',
    ],
  ],
  [
    'a rollback past its target on 40 by 12',
    LATE,
    { columns: 40, rows: 12 },
    [
      'shop 2.5.0  ROLLING BACK  1 m 35 s',
      '✓ ✓ ✓ ✗ 50 % 1 m ● rollback 1 m 35 s',
      'breach: green failed 212 of 1,040',
      '  requests',
      'recovery 95.2 s of 90 s, OVER TARGET ✗',
      'waits for all traffic on blue, and blue',
      '  healthy over fresh requests',
      'q leave, it goes on',
    ],
  ],
];

test.each(VIEWS)('%s', (_name, sight, room, expected) => {
  const footer = sight.status?.rollback ? LEAVE : KEYS;
  const plain = renderLive(sight, room, PLAIN, footer);
  expect(plain.map((line) => line.replace(/\d\d:\d\d:\d\d/g, 'hh:mm:ss'))).toEqual(expected);
  const coloured = renderLive(sight, room, new Chalk({ level: 3 }), footer);
  expect(coloured).not.toEqual(plain);
  expect(coloured.map(stripVTControlCharacters)).toEqual(plain);
});

test('what the judge doubts is named, and what is over a limit is marked without colours', () => {
  const words = (judged: Parameters<typeof withReadings>[2]): string =>
    renderLive(withReadings(SOAKING, [30], judged), { columns: 120, rows: 40 }, PLAIN).find((line) =>
      line.startsWith('judge'),
    ) ?? '';
  expect(words({ code: 'no-metrics', reason: 'no new metrics' })).toBe('judge  ! no metrics: no new metrics');
  expect(words({ code: 'blue-unhealthy', exhausted: true, reason: 'blue is over' })).toBe(
    'judge  ! blue is unhealthy, a person has to decide: blue is over',
  );
  expect(words({ verdict: 'breached', reason: 'green failed' })).toBe('judge  ✗ BREACHED: green failed');
  // The newest reading alone is over the limit: who sees that must not read "healthy" beside it without a word.
  expect(words({ verdict: 'healthy', reason: 'all well' })).toBe(
    'judge  ! over a limit in the newest reading; in all healthy: all well',
  );
});

test('steps say how long they took, from what the status has and what was seen before', () => {
  const seen = PHASES.slice(1, 5).reduce((past, phase) => remember(past, sightIn(phase, NOW, 0)), NO_HISTORY);
  expect(
    stepsOf({ ...GATE, status: GATE.status ?? fail(), past: seen }).map(({ name, state, ms }) => [name, state, ms]),
  ).toEqual([
    ['resolved', 'done', 400],
    ['checklist', 'done', 59_600],
    ['deploy', 'done', undefined],
    ['50 %', 'done', 600_000],
    ['gate', 'now', 40_000],
    ['100 %', 'todo', undefined],
    ['done', 'todo', undefined],
  ]);
});

test('while a freeze holds the start, the checklist is still to come', () => {
  const { deployedAt: _, ...gate } = GATE.status ?? fail();
  const held = { ...gate, phase: 'held' as const, steps: [], checks: [] };
  expect(stepsOf({ ...GATE, status: held }).map(({ name, state }) => [name, state])).toEqual([
    ['resolved', 'done'],
    ['checklist', 'todo'],
    ['deploy', 'todo'],
    ['50 %', 'todo'],
    ['gate', 'todo'],
    ['100 %', 'todo'],
    ['done', 'todo'],
  ]);
});

test('a chart has one character for each value: nothing is lowest, little is more than nothing, a gap stays a gap', () => {
  expect(sparkline([0, 0.01, 4, undefined, 8, 80], 8)).toBe('▁▂▄ ██');
  expect(sparkline([], 1)).toBe('');
  fc.assert(
    fc.property(fc.array(fc.option(fc.double({ min: 0, max: 1e6, noNaN: true }), { nil: undefined })), (values) => {
      const characters = Array.from(sparkline(values, 100));
      expect(characters).toHaveLength(values.length);
      characters.forEach((character, index) => {
        expect(character === ' ').toBe(values[index] === undefined);
        expect(character === '▁').toBe(values[index] === 0);
      });
    }),
  );
});

test('an axis has at most so many stretches, and no request is lost in them', () => {
  const sample = fc.record({ from: fc.nat(100_000), ms: fc.integer({ min: 1, max: 60_000 }), requests: fc.nat(1_000) });
  fc.assert(
    fc.property(fc.array(sample), fc.integer({ min: 1, max: 80 }), (given, width) => {
      const counts = (requests: number) => ({ requests, failed: requests / 2, slow: 0 });
      const samples: Sample[] = given.map(({ from, ms, requests }) => ({
        window: from,
        from,
        to: from + ms,
        blue: counts(0),
        green: counts(requests),
      }));
      const axis = axisOf(0, 160_000, { width, leastMs: 1_000 });
      expect(axis.stretches).toBeLessThanOrEqual(width);
      const stretches = stretchesOf(samples, 'green', axis);
      const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);
      expect(sum(stretches.map(({ requests }) => requests))).toBeCloseTo(sum(given.map(({ requests }) => requests)), 6);
      for (const stretch of stretches) {
        expect(shareIn('failed')(stretch) ?? 0.5).toBeCloseTo(0.5, 9);
        if (stretch.rated.ms === 0) expect(rateIn(stretch)).toBeUndefined();
      }
    }),
  );
});

test('readings that were missed are in the next one, and a window that is finished adds what is left of it', () => {
  const at = withReadings(sightIn('deploying', NOW, 100_000), [0, 4]);
  const greens = (samples: readonly Sample[]) =>
    samples.map(({ from, to, green }) => [from - NOW, to - NOW, green.requests, green.failed]);
  expect(greens(at.past?.samples ?? [])).toEqual([
    [80_000, 90_000, 200, 0],
    [90_000, 100_000, 200, 4],
  ]);
  const live = at.live ?? fail();
  const later = {
    ...live,
    to: live.to + 30_000,
    green: { requests: 1_000, failed: 5, slow: 0 },
    blue: { requests: 1_000, failed: 0, slow: 0 },
  };
  const missed = remember(at.past ?? NO_HISTORY, { live: later });
  expect(greens(missed.samples).at(-1)).toEqual([100_000, 130_000, 600, 1]);
  expect(remember(missed, { live: later }).samples).toEqual(missed.samples);
});

test('a view that is opened in the middle of a soak shows the rate since its first reading', () => {
  const at = withReadings(sightIn('deploying', NOW, 100_000), [0]);
  const live = at.live ?? fail();
  const longer = { ...live, to: live.from + 40_000, green: { ...live.green, requests: 600 } };
  const [sample] = remember(NO_HISTORY, {
    live: { ...longer, watchState: { ...live.watchState, soakStartedAt: live.from } },
  }).samples;
  expect(sample).toMatchObject({ from: live.from + 10_000, to: live.from + 40_000 });
  const [inLater] = remember(NO_HISTORY, {
    live: { ...longer, watchState: { ...live.watchState, soakStartedAt: live.from - 300_000 } },
  }).samples;
  expect(inLater).toMatchObject({ from: live.from, to: live.from + 40_000 });
  expect([sample, inLater].some((one) => one?.isLonger)).toBe(false);
});

test('no traffic is known, no metrics are a gap', () => {
  const at = withReadings(sightIn('deploying', NOW, 100_000), [0]);
  const live = at.live ?? fail();
  const none = { requests: 0, failed: 0, slow: 0, meanMs: 0 };
  const quiet = { ...live, to: live.to + 10_000, latest: { intervalMs: 10_000, blue: none, green: none } };
  const seen = (heartbeat: typeof live) => remember(at.past ?? NO_HISTORY, { live: heartbeat }).samples.length;
  expect(seen(quiet)).toBe(2);
  expect(seen({ ...quiet, problem: 'the router does not answer' })).toBe(1);
});

test('what does not fit is said shorter first, then what matters least goes', () => {
  const blocks = [
    { lines: ['head'], matters: 9 },
    { lines: ['a', 'b', 'c'], short: ['abc'], matters: 5 },
    { lines: ['aside'], matters: 1 },
  ];
  expect(fitToHeight(blocks, 5)).toEqual(['head', 'a', 'b', 'c', 'aside']);
  expect(fitToHeight(blocks, 4)).toEqual(['head', 'abc', 'aside']);
  expect(fitToHeight(blocks, 2)).toEqual(['head', 'abc']);
  expect(fitToHeight(blocks, 1)).toEqual(['head']);
});

function fail(): never {
  throw new Error('the scene has no such thing');
}
