import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MetricCursor } from '../domain/index.ts';
import { addCounts, type FreshCounts, type MetricReading, type MetricSource, NO_COUNTS } from '../plugin/index.ts';
import { assertAbortsPromptly, assertFailure, type ConformanceTest, rejectionOf } from './conformance.ts';

/** What the suite needs to know of a metric source. */
export interface MetricsSubject {
  /** A source as a new worker makes it: it remembers nothing of those before. */
  source(): MetricSource | Promise<MetricSource>;
  /** Requests of a version are served. They may reach the source later, but not more than `settleMs`. */
  serve(version: string, counts: FreshCounts): void | Promise<void>;
  /** The process that counts a version's requests is started anew: what counts since its start counts from 0. */
  restart?(version: string): void | Promise<void>;
  /** From now on the metrics cannot be read; or they can again. */
  outage(isOut: boolean): void | Promise<void>;
  /** A source whose metrics do not answer. */
  hanging(): MetricSource | Promise<MetricSource>;
  readonly versions: readonly [blue: string, green: string];
  /** Texts that may never be shown: tokens, passwords, addresses. */
  readonly secrets?: readonly string[];
  /** How late served requests are counted at most, in milliseconds; by default 10 s. */
  readonly settleMs?: number;
}

const SETTLE_MS = 10_000;
const BETWEEN_READS_MS = 100;
/** Cursors may be whole seconds. */
const WHOLE_SECOND_MS = 1_100;
const SOME: FreshCounts = { requests: 20, failed: 3, slow: 4, seconds: 5 };
const MORE: FreshCounts = { requests: 7, failed: 1, slow: 2, seconds: 3 };

/** The promises of the metric port: above all, that every request is counted exactly once. */
export function metricsConformance(subject: MetricsSubject): readonly ConformanceTest[] {
  const { versions, secrets = [], settleMs = SETTLE_MS } = subject;
  const [blue, green] = versions;
  const signal = new AbortController().signal;

  /** A ledger that reads on from a cursor, also with another source, and adds up. What was served before it is not in it. */
  async function ledger() {
    await sleep(WHOLE_SECOND_MS);
    const first = await (await subject.source()).read(null, signal);
    await sleep(WHOLE_SECOND_MS);
    assert.deepEqual(first.intervals, [], 'without a cursor nothing is counted: it only says where to begin');
    let cursor: MetricCursor = first.cursor;
    const sums = new Map<string, FreshCounts>();

    function add(reading: MetricReading): void {
      assert.ok(JSON.stringify(reading.cursor).length <= 262_144, 'the cursor is larger than 256 KB');
      let at = cursor.at;
      for (const { from, to, counts } of reading.intervals) {
        assert.equal(from, at, `an interval begins at ${from}, expected ${at}, where the one before ends`);
        assert.ok(to > from, `an interval ends at ${to} and begins at ${from}`);
        at = to;
        for (const [version, one] of Object.entries(counts))
          sums.set(version, addCounts(sums.get(version) ?? NO_COUNTS, one));
      }
      assert.equal(reading.cursor.at, at, 'the cursor is not where the last interval ends');
      cursor = JSON.parse(JSON.stringify(reading.cursor)) as MetricCursor; // as a history keeps it
    }

    const read = async (source: MetricSource): Promise<void> => add(await source.read(cursor, signal));
    /** Reads until this was counted, and once more: nothing comes twice. */
    const counts = async (source: MetricSource, version: string, wanted: FreshCounts): Promise<void> => {
      const until = Date.now() + settleMs;
      while ((sums.get(version) ?? NO_COUNTS).requests < wanted.requests && Date.now() < until) {
        add(await source.read(cursor, signal));
        await sleep(BETWEEN_READS_MS);
      }
      add(await source.read(cursor, signal));
      assertCounts(sums.get(version) ?? NO_COUNTS, wanted, version);
    };
    return { read, counts };
  }

  return [
    {
      name: 'each request is counted once, by version',
      run: async () => {
        const source = await subject.source();
        const { counts } = await ledger();
        await subject.serve(blue, SOME);
        await subject.serve(green, MORE);
        await counts(source, blue, SOME);
        await counts(source, green, MORE);
        await subject.serve(blue, MORE);
        await counts(source, blue, addCounts(SOME, MORE));
      },
    },
    {
      name: 'another worker goes on from the cursor, and counts nothing twice or not at all',
      run: async () => {
        const { read, counts } = await ledger();
        await subject.serve(green, SOME);
        await read(await subject.source());
        await subject.serve(green, MORE);
        await counts(await subject.source(), green, addCounts(SOME, MORE));
      },
    },
    {
      name: 'what happened in a gap without any reading is counted once',
      run: async () => {
        const { counts } = await ledger();
        await subject.serve(blue, SOME);
        await sleep(WHOLE_SECOND_MS);
        await subject.serve(blue, SOME);
        await sleep(WHOLE_SECOND_MS);
        await subject.serve(blue, MORE);
        await counts(await subject.source(), blue, addCounts(addCounts(SOME, SOME), MORE));
      },
    },
    ...(subject.restart
      ? [
          {
            name: 'a counter that starts anew loses nothing of what was read, and nothing after it',
            run: async () => {
              const source = await subject.source();
              const { counts } = await ledger();
              await subject.serve(green, SOME);
              await counts(source, green, SOME);
              await subject.restart?.(green);
              await subject.serve(green, MORE);
              await counts(source, green, addCounts(SOME, MORE));
            },
          },
        ]
      : []),
    {
      name: 'metrics that cannot be read are MetricsUnavailable, which can be retried, and nothing is lost',
      run: async () => {
        const source = await subject.source();
        const { counts } = await ledger();
        await subject.serve(blue, SOME);
        await subject.outage(true);
        try {
          const error = await rejectionOf(() => source.read(null, signal));
          assertFailure(error, { type: 'MetricsUnavailable', retryable: true, secrets });
        } finally {
          await subject.outage(false);
        }
        await counts(source, blue, SOME);
      },
    },
    {
      name: 'an abort rejects promptly with its reason',
      run: async () => {
        const source = await subject.hanging();
        await assertAbortsPromptly((stop) => source.read({ at: Date.now() - 60_000 }, stop));
      },
    },
  ];
}

function assertCounts(found: FreshCounts, wanted: FreshCounts, version: string): void {
  const { seconds, ...exact } = found;
  const { seconds: wantedSeconds, ...wantedExact } = wanted;
  assert.deepEqual(exact, wantedExact, `requests of ${version}`);
  assert.ok(Math.abs(seconds - wantedSeconds) < 1e-6, `found ${seconds} s of durations, expected ${wantedSeconds}`);
}
