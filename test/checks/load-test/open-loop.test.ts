import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { startOpenLoop } from '../../../src/checks/load-test/open-loop.ts';
import { NOT_SENT, type Outcome } from '../../../src/checks/load-test/outcome.ts';
import { createTally } from '../../../src/checks/load-test/tally.ts';

// The loop's clock is the test's: rates are exact, and an hour is over at once.
beforeEach(() => void jest.useFakeTimers());
afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

function run(options: Partial<Parameters<typeof startOpenLoop>[0]>) {
  const outcomes: Outcome[] = [];
  const loop = startOpenLoop({
    requestsPerSecond: 100,
    mostInFlight: 1_000,
    send: () => Promise.resolve(undefined),
    settled: (outcome) => void outcomes.push(outcome),
    ...options,
  });
  return { loop, outcomes };
}

const after = (ms: number, failure?: string) => () =>
  new Promise<string | undefined>((resolve) => setTimeout(() => resolve(failure), ms));

describe('the open loop', () => {
  test('keeps its rate while nothing comes back, and counts the wait of every request that was held up', async () => {
    const waiting: (() => void)[] = [];
    const { loop, outcomes } = run({ send: () => new Promise((resolve) => waiting.push(() => resolve(undefined))) });
    await jest.advanceTimersByTimeAsync(2_000);
    expect(waiting.length).toBeGreaterThanOrEqual(200);
    expect(waiting.length).toBeLessThanOrEqual(202);

    for (const answer of waiting) answer();
    loop.stop();
    await loop.done;
    const waited = outcomes.map(({ dueMs, settledMs }) => settledMs - dueMs).sort((a, b) => a - b);
    // Every one of them came at the end of the stall: half waited for more than half of it.
    expect(waited[waited.length >> 1]).toBeGreaterThan(900);
    expect(waited.at(-1)).toBeGreaterThan(1_900);
  });

  test('counts what it did not send because too much was under way, and never has more under way', async () => {
    let inFlight = 0;
    let most = 0;
    const { loop, outcomes } = run({
      mostInFlight: 30,
      send: async () => {
        inFlight += 1;
        most = Math.max(most, inFlight);
        await after(1_000)();
        inFlight -= 1;
        return undefined;
      },
      endAfterMs: 1_000,
    });
    await jest.advanceTimersByTimeAsync(3_000);
    await loop.done;
    expect(most).toBe(30);
    expect(outcomes).toHaveLength(100);
    expect(outcomes.filter(({ failure }) => failure === NOT_SENT)).toHaveLength(70);
  });

  test('tells how late it was itself, and makes up for what became due meanwhile', async () => {
    const { loop, outcomes } = run({ endAfterMs: 1_000 });
    await jest.advanceTimersByTimeAsync(200);
    const before = outcomes.length;
    // Time goes by in which no timer may run, as when something else keeps the process busy.
    const now = performance.now.bind(performance);
    jest.spyOn(performance, 'now').mockImplementation(() => now() + 500);
    await jest.advanceTimersByTimeAsync(10);
    expect(before).toBeLessThanOrEqual(22);
    expect(outcomes.length).toBeGreaterThanOrEqual(70);
    await jest.advanceTimersByTimeAsync(1_000);
    await loop.done;
    expect(outcomes).toHaveLength(100);
    expect(Math.max(...outcomes.map(({ dueMs, sentMs }) => sentMs - dueMs))).toBeGreaterThan(450);
  });

  test('changes its rate, and rests at none', async () => {
    const { loop, outcomes } = run({});
    await jest.advanceTimersByTimeAsync(1_000);
    loop.setRate(0);
    const atRest = outcomes.length;
    await jest.advanceTimersByTimeAsync(3_600_000);
    expect(outcomes).toHaveLength(atRest);
    loop.setRate(10);
    await jest.advanceTimersByTimeAsync(10_000);
    expect(outcomes.length - atRest).toBeGreaterThanOrEqual(99);
    expect(outcomes.length - atRest).toBeLessThanOrEqual(101);
    loop.stop();
  });

  test('is done only when the last answer is there, and sends nothing after it was stopped', async () => {
    const { loop, outcomes } = run({ send: after(5_000) });
    let done = false;
    void loop.done.then(() => (done = true));
    await jest.advanceTimersByTimeAsync(100);
    loop.stop();
    await jest.advanceTimersByTimeAsync(4_000);
    expect([done, outcomes.length]).toEqual([false, 0]);
    await jest.advanceTimersByTimeAsync(3_600_000);
    expect(done).toBe(true);
    expect(outcomes.length).toBeGreaterThanOrEqual(10);
    expect(outcomes.length).toBeLessThanOrEqual(12);
  });

  test('sends as many as are due and counts each once, whatever becomes of them', async () => {
    const fates = fc.array(fc.record({ ms: fc.nat(3_000), failure: fc.constantFrom(undefined, 'a', 'b') }), {
      minLength: 1,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 1, max: 5_000 }),
        fc.integer({ min: 1, max: 50 }),
        fates,
        async (requestsPerSecond, endAfterMs, mostInFlight, each) => {
          const tally = createTally({ slowOverMs: 1_000 });
          const outcomes: Outcome[] = [];
          let sent = 0;
          const { loop } = run({
            requestsPerSecond,
            endAfterMs,
            mostInFlight,
            send: () => {
              const fate = each[sent % each.length];
              sent += 1;
              return after(fate?.ms ?? 0, fate?.failure)();
            },
            settled: (outcome) => {
              outcomes.push(outcome);
              tally.count(outcome);
            },
          });
          await jest.advanceTimersByTimeAsync(endAfterMs + 3_010);
          await loop.done;

          const { requests, failed, failedBy, slow, inTime } = tally.numbers();
          expect(Math.abs(requests - (requestsPerSecond * endAfterMs) / 1_000)).toBeLessThanOrEqual(1);
          expect(requests).toBe(sent + (failedBy[NOT_SENT] ?? 0));
          expect(failed).toBe(Object.values(failedBy).reduce((sum, count) => sum + count, 0));
          expect(failed).toBe(outcomes.filter(({ failure }) => failure !== undefined).length);
          expect(inTime).toBe(sent);
          expect(slow).toBe(outcomes.filter((o) => o.failure === NOT_SENT || o.settledMs - o.dueMs > 1_000).length);
        },
      ),
      { numRuns: 50 },
    );
  });
});
