import { type Counts, SEQUENTIAL_DEFAULTS, sequentialJudge, sequentialRules } from '../src/judge/index.ts';
import { seeded } from '../test/support/random.ts';
import { requestsIn, sumOf } from './simulation.ts';
import { markdownRow, quantile } from './table.ts';

/** What the judge costs per reading, and how soon it finds a fault, at each pace of readings; with errors and latency. */
export interface JudgeCost {
  readonly pollMs: number;
  /** An hour of blue before the shift is known, as a Prometheus tells it; pages have no past. */
  readonly withHistory: boolean;
  readonly microsecondsPerReading: number;
  /** The largest state of the soak as JSON: it is in every heartbeat. */
  readonly stateBytes: number;
  /** From the start of each fault to the verdict. */
  readonly found: readonly (Fault & FoundAfter)[];
  /** Of so many complete failures of 5 to 5.2 s, as long as the burst tolerance, so many were rolled back. */
  readonly bursts: { readonly all: number; readonly rolledBack: number };
}

/** Half of the times, and nine times of ten. */
interface FoundAfter {
  readonly median: number;
  readonly p90: number;
}

interface Fault {
  readonly what: string;
  /** The share of green's requests that fail. */
  readonly share: number;
  /** It begins between these two moments of the soak. */
  readonly begins: readonly [number, number];
}

const SOAK_MS = 600_000;
const ROUNDS = 400;
const BURSTS = 1_000;
const GREEN_PER_SECOND = 10;
const USUAL = 0.001;
const PAST = { perSecond: 2 * GREEN_PER_SECOND, failing: USUAL };
const SOON: Fault['begins'] = [40_000, 60_000];
/** What a burst has left behind is waited for. */
const AFTERWARDS_MS = 120_000;
/** Readings are early or late by up to so much. */
const JITTER_MS = 50;

const FAULTS: readonly Fault[] = [
  { what: '20 % from the first request', share: 0.2, begins: [0, 0] },
  ...[0.1, 0.2, 0.5, 1].map((share) => ({ what: `${100 * share} % after 40 to 60 s`, share, begins: SOON })),
];

export function measureJudge(): JudgeCost[] {
  return [1_000, 5_000, 15_000].flatMap((pollMs) =>
    [true, false].map((withHistory) => {
      const random = seeded(1);
      const pace = { pollMs, withHistory };
      return {
        ...pace,
        ...costOf(pollMs, random),
        found: FAULTS.map((fault) => ({ ...fault, ...halfAndMost(() => timeToFind(fault, pace, random)) })),
        bursts: { all: BURSTS, rolledBack: burstsRolledBack(pace, random) },
      };
    }),
  );
}

/** Lines of Markdown: a table of times to find a fault, in seconds, and one of costs. */
export function judgeLines(costs: readonly JudgeCost[]): string[] {
  const seconds = (ms: number) => (ms / 1_000).toFixed(1);
  const names = FAULTS.map(({ what }) => what);
  const pace = ({ pollMs, withHistory }: JudgeCost) => [`${pollMs / 1_000} s`, withHistory ? 'an hour' : 'none'];
  return [
    markdownRow('data every', "blue's history", ...names, 'at best, 20 %', '5 s burst rolled back'),
    markdownRow(...Array.from({ length: names.length + 4 }, () => '---')),
    ...costs.map((cost) =>
      markdownRow(
        ...pace(cost),
        ...cost.found.map(({ median, p90 }) => `${seconds(median)} / ${seconds(p90)}`),
        atBestWords(cost.pollMs),
        `${cost.bursts.rolledBack} of ${cost.bursts.all}`,
      ),
    ),
    '',
    ...costs.map((cost) => {
      const perReading = `${(cost.microsecondsPerReading / 1_000).toFixed(2)} ms a reading`;
      return `${pace(cost).join(', history: ')}: ${perReading}, state ${(cost.stateBytes / 1_000).toFixed(1)} KB`;
    }),
  ];
}

/** Only where readings are as close as a burst is long: else it tolerates more than the judge does. */
function atBestWords(pollMs: number): string {
  if (pollMs > SEQUENTIAL_DEFAULTS.burstToleranceMs) return '';
  const random = seeded(2);
  const { median, p90 } = halfAndMost(() => atBest(pollMs, 0.2, random));
  return `${(median / 1_000).toFixed(1)} / ${(p90 / 1_000).toFixed(1)}`;
}

function halfAndMost(oneTime: () => number): FoundAfter {
  const times = Array.from({ length: ROUNDS }, oneTime);
  return { median: quantile(times, 0.5), p90: quantile(times, 0.9) };
}

function burstsRolledBack(pace: Pace, random: () => number): number {
  const burst = { what: 'burst', share: 1, begins: [80_000, 110_000] } as const;
  const rolledBack = () => timeToFind(burst, pace, random, 5_000 + random() * 200) < Infinity;
  return Array.from({ length: BURSTS }, rolledBack).filter(Boolean).length;
}

/**
 * A rule that needs no proof: it acts on the first failed request that no burst reaches from the first one. A burst of the
 * tolerance touches so many readings in a row, and no more.
 */
function atBest(pollMs: number, share: number, random: () => number): number {
  const touched = Math.ceil(SEQUENTIAL_DEFAULTS.burstToleranceMs / pollMs) + 1;
  let first: number | undefined;
  let to = random() * pollMs;
  for (let reading = 0; ; reading += 1) {
    const ms = reading === 0 ? to : pollMs;
    const { failed } = requestsIn(ms / 1_000, { perSecond: GREEN_PER_SECOND, failing: share }, random);
    if (failed > 0) first ??= reading;
    if (failed > 0 && first !== undefined && reading >= first + touched) return to;
    to += pollMs;
  }
}

function judgeFor(pollMs: number) {
  const limits = { errorRate: 0.05, latency: { quantile: 0.95, underMs: 500 } };
  return sequentialJudge(sequentialRules({ limits, pollMs }));
}

const facts = { soakMs: SOAK_MS, greenShare: 0.5 };

function factsOf(withHistory: boolean, random: () => number) {
  return withHistory ? { ...facts, history: Array.from({ length: 60 }, () => requestsIn(60, PAST, random)) } : facts;
}

function costOf(pollMs: number, random: () => number): Pick<JudgeCost, 'microsecondsPerReading' | 'stateBytes'> {
  const judge = judgeFor(pollMs);
  let state = judge.start(0, factsOf(true, random));
  let [stateBytes, spentNs, readings] = [0, 0n, 0];
  const usual = (): Counts => {
    const counts = requestsIn(pollMs / 1_000, { perSecond: GREEN_PER_SECOND, failing: USUAL }, random);
    return { ...counts, slow: counts.failed };
  };
  for (let to = pollMs; to <= SOAK_MS; to += pollMs) {
    const interval = { from: to - pollMs, to, green: usual(), blue: usual() };
    const begun = process.hrtime.bigint();
    state = judge.observe(state, interval);
    judge.judge(state, to);
    spentNs += process.hrtime.bigint() - begun;
    readings += 1;
    stateBytes = Math.max(stateBytes, JSON.stringify(state).length);
  }
  return { microsecondsPerReading: Number(spentNs) / 1_000 / readings, stateBytes };
}

type Pace = Pick<JudgeCost, 'pollMs' | 'withHistory'>;

/** Readings come at any phase: the first one after the shift holds some time before it, in which blue had all requests. */
function timeToFind(
  { share, begins: [least, most] }: Fault,
  { pollMs, withHistory }: Pace,
  random: () => number,
  lastsMs = Infinity,
): number {
  const judge = judgeFor(pollMs);
  let state = judge.start(0, factsOf(withHistory, random));
  const faultAt = least + random() * (most - least);
  const overAt = Math.min(SOAK_MS, faultAt + lastsMs);
  const until = Math.min(SOAK_MS, overAt + AFTERWARDS_MS);
  const count = (ms: number, failing: number, perSecond = GREEN_PER_SECOND) =>
    requestsIn(ms / 1_000, { perSecond, failing }, random);
  const phase = random() * pollMs;
  let from = phase - pollMs;
  for (let reading = 0; from < until; reading += 1) {
    const to = Math.round(phase + reading * pollMs + (2 * random() - 1) * JITTER_MS);
    const sharedMs = to - Math.max(0, from);
    const faultyMs = Math.max(0, Math.min(to, overAt) - Math.max(from, faultAt));
    const green = sumOf(count(sharedMs - faultyMs, USUAL), count(faultyMs, share));
    const blue = sumOf(count(sharedMs, USUAL), count(Math.max(0, -from), USUAL, 2 * GREEN_PER_SECOND));
    state = judge.observe(state, { from, to, green, blue });
    if (judge.judge(state, to).verdict === 'breached') return to - faultAt;
    from = to;
  }
  return Infinity;
}
