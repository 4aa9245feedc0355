import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { Interval } from '../../src/judge/judgement.ts';
import type { Counts } from '../../src/judge/rules.ts';
import { type ThresholdState, thresholdJudge } from '../../src/judge/threshold.ts';
import { rules, someIntervals } from './support.ts';

const judge = thresholdJudge(rules);
const after = (seen: readonly Interval[]) =>
  seen.reduce((state, interval) => judge.observe(state, interval), judge.start(0));
const end = (seen: readonly Interval[]) => seen.at(-1)?.to ?? 0;
const sum = (seen: readonly Interval[], of: (interval: Interval) => number) =>
  seen.reduce((total, interval) => total + of(interval), 0);
const add = (a: Counts, b: Counts): Counts => ({
  requests: a.requests + b.requests,
  failed: a.failed + b.failed,
  slow: a.slow + b.slow,
});
const merged = (a: Interval, b: Interval): Interval => ({
  from: a.from,
  to: b.to,
  green: add(a.green, b.green),
  blue: add(a.blue, b.blue),
});

test('another worker goes on at any interval as if nothing had happened', () => {
  fc.assert(
    fc.property(someIntervals, fc.nat(), (seen, cut) => {
      const at = seen.length === 0 ? 0 : cut % seen.length;
      const carried: ThresholdState = JSON.parse(JSON.stringify(after(seen.slice(0, at))));
      const resumed = seen.slice(at).reduce((state, interval) => judge.observe(state, interval), carried);
      expect(resumed).toEqual(after(seen));
      expect(JSON.stringify(resumed)).not.toContain('NaN');
      expect(judge.judge(resumed, end(seen))).toEqual(judge.judge(after(seen), end(seen)));
    }),
  );
});

test('healthy always has evidence: fresh requests of this soak, at least the minimum, within every limit', () => {
  let healthy = 0;
  fc.assert(
    fc.property(someIntervals, fc.nat(60_000), (seen, later) => {
      const now = end(seen) + later;
      if (judge.judge(after(seen), now).verdict !== 'healthy') return;
      healthy += 1;
      const requests = sum(seen, ({ green }) => green.requests);
      expect(requests).toBeGreaterThanOrEqual(rules.minRequests);
      expect(sum(seen, ({ green }) => green.failed)).toBeLessThanOrEqual(0.05 * requests + 1e-6);
      expect(sum(seen, ({ green }) => green.slow)).toBeLessThanOrEqual(0.05 * requests + 1e-6);
      expect(sum(seen, ({ from, to }) => to - from)).toBeGreaterThanOrEqual(rules.batchMs);
      expect(seen.some(({ to, green }) => green.requests > 0 && now - to <= rules.staleMs)).toBe(true);
    }),
    { numRuns: 500 },
  );
  expect(healthy).toBeGreaterThan(0);
});

test('a new soak is never healthy before it has its own requests', () => {
  fc.assert(
    fc.property(someIntervals, (seen) => {
      const now = end(seen);
      const next = judge.nextSoak(after(seen), now);
      const idle = {
        from: now,
        to: now + 10_000,
        green: { requests: 0, failed: 0, slow: 0 },
        blue: { requests: 9, failed: 0, slow: 0 },
      };
      expect(judge.judge(next, now).verdict).not.toBe('healthy');
      expect(judge.judge(judge.observe(next, idle), now + 10_000).verdict).not.toBe('healthy');
    }),
  );
});

test('a breach needs all its batches: their time, their requests, and failures or slowness over the limit', () => {
  let breaches = 0;
  fc.assert(
    fc.property(someIntervals, (seen) => {
      const first = seen.findIndex(
        (_, index) => judge.judge(after(seen.slice(0, index + 1)), 0).verdict === 'breached',
      );
      if (first === -1) return;
      breaches += 1;
      const until = seen.slice(0, first + 1);
      expect(sum(until, ({ from, to }) => to - from)).toBeGreaterThanOrEqual(3 * rules.batchMs);
      expect(sum(until, ({ green }) => green.requests)).toBeGreaterThanOrEqual(3 * rules.minRequests);
      const bad = Math.max(
        sum(until, ({ green }) => green.failed),
        sum(until, ({ green }) => green.slow),
      );
      expect(bad).toBeGreaterThan(0.05 * 3 * rules.minRequests);
      expect(judge.judge(after(seen), end(seen)).verdict).toBe('breached');
    }),
    { numRuns: 500 },
  );
  expect(breaches).toBeGreaterThan(0);
});

test('three whole batches over a limit are always a breach, however they are cut', () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 31, maxLength: 60 });
  fc.assert(
    fc.property(cuts, (seconds) => {
      // 10 requests a second, each tenth failing, all the time: every batch is over.
      let at = 0;
      const seen = seconds.map((s) => ({
        from: at,
        to: (at += s * 1_000),
        green: { requests: s * 10, failed: s, slow: 0 },
        blue: { requests: 0, failed: 0, slow: 0 },
      }));
      // A batch may be up to 9 s longer than it must be: 3 * 19 s are enough for three of them.
      const enough = seen.filter(({ from }) => from <= 57_000);
      if (end(enough) >= 57_000) expect(judge.judge(after(enough), end(enough)).verdict).toBe('breached');
    }),
  );
});

test('two polls and the one long poll that replaces them are judged alike, unless a batch ends between them', () => {
  let compared = 0;
  fc.assert(
    fc.property(someIntervals, fc.nat(), (seen, where) => {
      const at = seen.length < 2 ? 0 : where % (seen.length - 1);
      const [a, b] = seen.slice(at, at + 2);
      const before = after(seen.slice(0, at));
      if (!a || !b || judge.observe(before, a).soak.batches > before.soak.batches) return;
      compared += 1;
      const missedPoll = after([...seen.slice(0, at), merged(a, b), ...seen.slice(at + 2)]);
      const every = after(seen);
      expect({ ...missedPoll, soak: null }).toEqual({ ...every, soak: null });
      expect(missedPoll.soak.green).toEqual(every.soak.green);
      expect(missedPoll.soak.batches).toBe(every.soak.batches);
      const verdicts = [missedPoll, every].map((state) => judge.judge(state, end(seen)).verdict);
      expect(new Set(verdicts)).not.toEqual(new Set(['healthy', 'breached']));
    }),
  );
  expect(compared).toBeGreaterThan(0);
});

test('the order of intervals inside one batch does not matter to what is counted', () => {
  fc.assert(
    fc.property(someIntervals, (seen) => {
      const inside = seen.filter((_, index) => after(seen.slice(0, index + 1)).soak.batches === 0);
      const { open, runs } = after(inside.toReversed());
      if (after(inside.toReversed()).soak.batches === 0)
        expect({ open, runs }).toEqual({ open: after(inside).open, runs: after(inside).runs });
    }),
  );
});
