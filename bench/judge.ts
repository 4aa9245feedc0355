import { type Counts, SEQUENTIAL_DEFAULTS, sequentialJudge, sequentialRules } from '../src/judge/index.ts';
import { quantile } from './table.ts';

/** What the judge costs per judged interval, with errors and latency, at each pace of polls. */
export interface JudgeCost {
  readonly pollMs: number;
  /** An hour of blue before the shift is known, as a Prometheus tells it; pages have no past. */
  readonly withHistory: boolean;
  readonly microsecondsPerInterval: number;
  /** The largest state of the soak as JSON: it is in every heartbeat. */
  readonly stateBytes: number;
  /**
   * From a fault (0.1 % to 20 % errors, 20 requests a second, half of them on green) to the verdict, half of the times and
   * nine times of ten.
   */
  readonly foundAfterMs: FoundAfter;
  /**
   * The same of a rule that needs no proof: it acts on the first failed request that no burst reaches from the first one.
   * Only where readings are as close as a burst is long: else it bears more than the judge does.
   */
  readonly atBestMs?: FoundAfter;
  /** The same for faults of other sizes: the share of green's requests that fail. */
  readonly otherFaults: readonly (FoundAfter & { readonly share: number })[];
  /** Of so many complete failures of 5 to 5.2 s, as long as the patience, so many were rolled back. */
  readonly bursts: { readonly all: number; readonly rolledBack: number };
}

interface FoundAfter {
  readonly median: number;
  readonly p90: number;
}

const SOAK_MS = 600_000;
const FAULTS = 400;
const BURSTS = 1_000;
const GREEN_PER_SECOND = 10;
/** A soak is so long under way when the fault strikes: more than a minute, as in bench/watch.ts. */
const BEFORE_FAULT_MS = 80_000;
/** What a burst has left behind is waited for. */
const AFTERWARDS_MS = 120_000;
/** Polls are early or late by up to so much. */
const JITTER_MS = 50;

export function measureJudge(): JudgeCost[] {
  return [1_000, 5_000, 15_000].flatMap((pollMs) =>
    [true, false].map((withHistory) => {
      const random = seeded(1);
      const of = (share: number) => foundAfter({ pollMs, withHistory, share, lastsMs: Infinity }, random);
      return {
        pollMs,
        withHistory,
        ...costOf(pollMs, random),
        foundAfterMs: of(0.2),
        ...(pollMs <= SEQUENTIAL_DEFAULTS.burstToleranceMs && {
          atBestMs: halfAndMost(() => atBest(pollMs, 0.2, random)),
        }),
        otherFaults: [0.1, 0.5, 1].map((share) => ({ share, ...of(share) })),
        bursts: { all: BURSTS, rolledBack: burstsRolledBack(pollMs, withHistory, random) },
      };
    }),
  );
}

/** One line for each pace of polls. */
export function judgeLines(costs: readonly JudgeCost[]): string[] {
  const seconds = ({ median, p90 }: FoundAfter): string =>
    `${(median / 1_000).toFixed(1)} / ${(p90 / 1_000).toFixed(1)} s`;
  return costs.map(
    ({ pollMs, withHistory, microsecondsPerInterval, stateBytes, foundAfterMs, atBestMs, otherFaults, bursts }) => {
      const faults = [{ share: 0.2, ...foundAfterMs }, ...otherFaults].toSorted((a, b) => a.share - b.share);
      const found = faults.map((fault) => `${100 * fault.share} %: ${seconds(fault)}`).join(', ');
      return (
        `every ${pollMs / 1_000} s, ${withHistory ? 'an hour of history' : 'no history'}: ${found}; ` +
        `${atBestMs ? `20 % at best: ${seconds(atBestMs)}; ` : ''}bursts rolled back: ${bursts.rolledBack} of ${bursts.all}; ` +
        `state ${(stateBytes / 1_000).toFixed(1)} KB, ${(microsecondsPerInterval / 1_000).toFixed(2)} ms a reading`
      );
    },
  );
}

function foundAfter(fault: Fault, random: () => number): FoundAfter {
  return halfAndMost(() => timeToFind(fault, random));
}

function halfAndMost(oneTime: () => number): FoundAfter {
  const times = Array.from({ length: FAULTS }, oneTime);
  return { median: quantile(times, 0.5), p90: quantile(times, 0.9) };
}

function burstsRolledBack(pollMs: number, withHistory: boolean, random: () => number): number {
  const burst = () => timeToFind({ pollMs, withHistory, share: 1, lastsMs: 5_000 + random() * 200 }, random);
  return Array.from({ length: BURSTS }, burst).filter((ms) => ms < Infinity).length;
}

/** Readings count from the first that shows the fault; a burst of the patience touches so many in a row, and no more. */
function atBest(pollMs: number, share: number, random: () => number): number {
  const touched = Math.ceil(SEQUENTIAL_DEFAULTS.burstToleranceMs / pollMs) + 1;
  let first: number | undefined;
  let to = random() * pollMs;
  for (let reading = 0; ; reading += 1) {
    const { failed } = sample(reading === 0 ? to : pollMs, share, random);
    if (failed > 0) first ??= reading;
    if (failed > 0 && first !== undefined && reading >= first + touched) return to;
    to += pollMs;
  }
}

function judgeFor(pollMs: number) {
  const limits = { errorRate: 0.05, latency: { quantile: 0.95, underMs: 500 } };
  return sequentialJudge(sequentialRules({ limits, pollMs }));
}

const facts = {
  soakMs: SOAK_MS,
  greenShare: 0.5,
  history: Array.from(
    { length: 60 },
    (_, minute): Counts => ({ requests: 1_200, failed: minute % 2, slow: minute % 5 }),
  ),
};

function costOf(pollMs: number, random: () => number): Pick<JudgeCost, 'microsecondsPerInterval' | 'stateBytes'> {
  const judge = judgeFor(pollMs);
  let state = judge.start(0, facts);
  let [stateBytes, spentNs, intervals] = [0, 0n, 0];
  for (let to = pollMs; to <= SOAK_MS; to += pollMs) {
    const interval = {
      from: to - pollMs,
      to,
      green: sample(pollMs, 0.001, random),
      blue: sample(pollMs, 0.001, random),
    };
    const begun = process.hrtime.bigint();
    state = judge.observe(state, interval);
    judge.judge(state, to);
    spentNs += process.hrtime.bigint() - begun;
    intervals += 1;
    stateBytes = Math.max(stateBytes, JSON.stringify(state).length);
  }
  return { microsecondsPerInterval: Number(spentNs) / 1_000 / intervals, stateBytes };
}

interface Fault {
  readonly pollMs: number;
  readonly withHistory: boolean;
  readonly share: number;
  readonly lastsMs: number;
}

/** The fault comes at any moment between two polls. */
function timeToFind({ pollMs, withHistory, share, lastsMs }: Fault, random: () => number): number {
  const judge = judgeFor(pollMs);
  const { history: _, ...unknown } = facts;
  let state = judge.start(0, withHistory ? facts : unknown);
  const faultAt = BEFORE_FAULT_MS + random() * 30_000;
  const overAt = Math.min(SOAK_MS, faultAt + lastsMs);
  const until = Math.min(SOAK_MS, overAt + AFTERWARDS_MS);
  let from = 0;
  for (let poll = 1; from < until; poll += 1) {
    const to = poll * pollMs + Math.round((2 * random() - 1) * JITTER_MS);
    const faultyMs = Math.max(0, Math.min(to, overAt) - Math.max(from, faultAt));
    const [good, faulty] = [sample(to - from - faultyMs, 0.001, random), sample(faultyMs, share, random)];
    const green = { requests: good.requests + faulty.requests, failed: good.failed + faulty.failed, slow: 0 };
    state = judge.observe(state, { from, to, green, blue: sample(to - from, 0.001, random) });
    if (judge.judge(state, to).verdict === 'breached') return to - faultAt;
    from = to;
  }
  return Infinity;
}

function sample(ms: number, share: number, random: () => number): Counts {
  const counts = { requests: 0, failed: 0, slow: 0 };
  for (let at = wait(random); at < ms; at += wait(random)) {
    counts.requests += 1;
    if (random() < share) counts.failed += 1;
  }
  return counts;
}

function wait(random: () => number): number {
  return (-Math.log(1 - random()) * 1_000) / GREEN_PER_SECOND;
}

/** The same faults in every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
