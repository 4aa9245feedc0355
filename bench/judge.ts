import { evidenceJudge } from '../src/judge/evidence.ts';
import { EVIDENCE_DEFAULTS } from '../src/judge/rules.ts';
import type { Counts } from '../src/runbook/plan.ts';

/** What the judge costs per judged interval, with errors and latency, at each pace of polls. */
export interface JudgeCost {
  readonly pollMs: number;
  readonly microsecondsPerInterval: number;
  /** The largest state of the soak as JSON: it is in every heartbeat. */
  readonly stateBytes: number;
  /**
   * From a fault (0.1 % to 20 % errors, 20 requests a second, half of them on green) to the verdict, half of the times and
   * nine times of ten.
   */
  readonly foundAfterMs: { readonly median: number; readonly p90: number };
}

const SOAK_MS = 600_000;
const FAULTS = 100;
const GREEN_PER_SECOND = 10;

export function measureJudge(): JudgeCost[] {
  return [1_000, 5_000, 15_000].map((pollMs) => {
    const random = seeded(1);
    const found = Array.from({ length: FAULTS }, () => timeToFind(pollMs, random)).sort((a, b) => a - b);
    const at = (part: number): number => found[Math.ceil(part * FAULTS) - 1] ?? Infinity;
    return { pollMs, ...costOf(pollMs, random), foundAfterMs: { median: at(0.5), p90: at(0.9) } };
  });
}

function judgeFor(pollMs: number) {
  const limits = { errorRate: 0.05, latency: { quantile: 0.95, underMs: 500 } };
  return evidenceJudge({ rule: 'evidence', limits, pollMs, ...EVIDENCE_DEFAULTS });
}

const facts = {
  soakMs: SOAK_MS,
  greenShare: 0.5,
  history: Array.from(
    { length: 60 },
    (_, minute): Counts => ({ requests: 1_200, failed: minute % 2, slow: minute % 5 }),
  ),
};

function costOf(pollMs: number, random: () => number): Omit<JudgeCost, 'pollMs' | 'foundAfterMs'> {
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

/** The fault comes at any moment between two polls. */
function timeToFind(pollMs: number, random: () => number): number {
  const judge = judgeFor(pollMs);
  let state = judge.start(0, facts);
  const faultAt = 60_000 + random() * 60_000;
  for (let to = pollMs; to <= SOAK_MS; to += pollMs) {
    const from = to - pollMs;
    const faultyMs = Math.min(pollMs, Math.max(0, to - faultAt));
    const [good, faulty] = [sample(pollMs - faultyMs, 0.001, random), sample(faultyMs, 0.2, random)];
    const green = { requests: good.requests + faulty.requests, failed: good.failed + faulty.failed, slow: 0 };
    state = judge.observe(state, { from, to, green, blue: sample(pollMs, 0.001, random) });
    if (judge.judge(state, to).verdict === 'breached') return to - faultAt;
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
