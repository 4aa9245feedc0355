import {
  type Counts,
  createJudge,
  type Interval,
  type Judge,
  type Judgement,
  type Limits,
  type SequentialRules,
  type SequentialState,
  sequentialRules,
} from '../judge/index.ts';

/** A finished soak, to be judged again; docs/judge-command.md describes each field. Times are in seconds, shares from 0 to 1. */
export interface RecordedSoak {
  readonly soak: string;
  readonly metric: 'error' | 'latency';
  readonly limit: { readonly share: number; readonly seconds?: number | undefined };
  readonly share: number;
  readonly pollSeconds: number;
  readonly scrapeSeconds?: number | undefined;
  readonly soakSeconds: number;
  readonly maxSoakSeconds: number;
  readonly history?: { readonly blue: readonly (readonly [requests: number, bad: number])[] } | undefined;
  readonly intervals: readonly RecordedInterval[];
}

interface RecordedInterval {
  /** The end of the interval, since the shift. */
  readonly t: number;
  readonly kind?: 'ok' | 'reset' | 'duplicate' | 'stale' | 'outage' | 'green-dark' | undefined;
  readonly ng?: number | null | undefined;
  readonly xg?: number | null | undefined;
  readonly nb?: number | null | undefined;
  readonly xb?: number | null | undefined;
  readonly resetsG?: readonly number[] | undefined;
}

export interface ReplayVerdict {
  readonly soak: string;
  /** `hold`: the data ended while the soak's clock stood still. */
  readonly verdict: 'rollback' | 'pass' | 'inconclusive' | 'hold';
  /** Seconds after the shift. */
  readonly at: number;
  readonly reason: string;
  readonly code?: string;
}

/** Walks through a soak in order, as the watch would, and stops at the first interval that decides it. */
export function replay(soak: RecordedSoak, overrides: Partial<SequentialRules> = {}): ReplayVerdict {
  const judge: Judge<SequentialState> = createJudge(rulesOf(soak, overrides));
  let state = judge.start(0, {
    soakMs: soak.soakSeconds * 1_000,
    greenShare: soak.share,
    history: (soak.history?.blue ?? []).map(([requests, bad]) => countsOf(soak, requests, bad)),
  });
  let from = 0;
  let last: Judgement | undefined;
  for (const recorded of soak.intervals) {
    const interval = intervalOf(soak, recorded, from * 1_000);
    if (interval) {
      state = judge.observe(state, interval);
      from = recorded.t;
    }
    last = judge.judge(state, recorded.t * 1_000);
    const verdict = decided(last, recorded.t, soak);
    if (verdict) return replayVerdict(soak, verdict, recorded.t, last);
  }
  const at = soak.intervals.at(-1)?.t ?? 0;
  last ??= judge.judge(state, at * 1_000);
  const stands = last.code === 'blue-unhealthy' || last.code === 'no-metrics' || last.code === 'no-traffic';
  return replayVerdict(soak, stands ? 'hold' : 'inconclusive', at, last);
}

/** In the deployment the workflow does this: it stops on a breach, and asks for health when the soak's time is over. */
function decided(now: Judgement, t: number, soak: RecordedSoak): ReplayVerdict['verdict'] | undefined {
  if (now.verdict === 'breached') return 'rollback';
  if (now.verdict === 'healthy' && t >= soak.soakSeconds) return 'pass';
  return now.exhausted || t >= soak.maxSoakSeconds ? 'inconclusive' : undefined;
}

function replayVerdict(
  { soak }: RecordedSoak,
  verdict: ReplayVerdict['verdict'],
  at: number,
  { reason, code }: Judgement,
): ReplayVerdict {
  return { soak, verdict, at, reason, ...(code ? { code } : {}) };
}

function rulesOf(soak: RecordedSoak, overrides: Partial<SequentialRules>): SequentialRules {
  const pollMs = Math.max(soak.pollSeconds, soak.scrapeSeconds ?? 0) * 1_000;
  const { share, seconds } = soak.limit;
  // A limit of its own for what is not in the soak would be a metric of its own, and take half of the budget.
  const limits: Limits =
    soak.metric === 'error'
      ? { errorRate: share }
      : { errorRate: 1, latency: { quantile: 1 - share, underMs: (seconds ?? 0) * 1_000 } };
  return sequentialRules({ limits, pollMs, ...overrides });
}

function intervalOf(soak: RecordedSoak, recorded: RecordedInterval, from: number): Interval | undefined {
  const { kind = 'ok', t } = recorded;
  if (kind === 'duplicate' || kind === 'stale' || kind === 'outage') return undefined;
  const green = countsOf(soak, recorded.ng ?? 0, recorded.xg ?? 0);
  const blue = countsOf(soak, recorded.nb ?? 0, recorded.xb ?? 0);
  const restarts = recorded.resetsG?.map((count, pod) => [`pod ${pod + 1}`, count] as const);
  return {
    from,
    to: t * 1_000,
    green,
    blue,
    ...(restarts ? { greenRestarts: Object.fromEntries(restarts) } : {}),
    ...(kind === 'green-dark' ? { greenDark: true as const } : {}),
  };
}

function countsOf({ metric }: RecordedSoak, requests: number, bad: number): Counts {
  return { requests, failed: metric === 'error' ? bad : 0, slow: metric === 'latency' ? bad : 0 };
}
