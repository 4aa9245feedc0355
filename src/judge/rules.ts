/** Requests in some stretch of time. */
export interface Counts {
  readonly requests: number;
  readonly failed: number;
  /** Those over the latency limit, failed ones included. */
  readonly slow: number;
  /** Those whose duration was counted, of which some are `slow`. Missing: all of them. */
  readonly timed?: number;
}

/** How many requests there are of which it is known whether they were slow. */
export function timedOf({ requests, timed = requests }: Pick<Counts, 'requests' | 'timed'>): number {
  return timed;
}

export const NO_COUNTS: Counts = { requests: 0, failed: 0, slow: 0 };

export function addCounts(one: Counts, other: Counts): Counts {
  const requests = one.requests + other.requests;
  const timed = timedOf(one) + timedOf(other);
  return {
    requests,
    failed: one.failed + other.failed,
    slow: one.slow + other.slow,
    ...(timed !== requests && { timed }),
  };
}

export type Verdict = 'healthy' | 'breached' | 'inconclusive';

/** The limits that a version has to keep. */
export interface Limits {
  /** Largest allowed share of failed requests. */
  readonly errorRate: number;
  /** `quantile` of the requests answered within `underMs`: at most `1 - quantile` of them may be slower. */
  readonly latency?: {
    readonly quantile: number;
    readonly underMs: number;
    /** In the watch alone: requests were counted by a line below the limit. That may prove health, but no breach of the limit. */
    readonly isStricter?: true;
  };
}

/** The judge's rule and its numbers. */
export type JudgeRules = ThresholdRules | SequentialRules;

/** The limits at their word, as the guide says them. */
export interface ThresholdRules {
  readonly rule: 'threshold';
  readonly limits: Limits;
  /** A batch of requests is judged when it is at least this long ... */
  readonly batchMs: number;
  /** ... and holds at least this many of green's requests. */
  readonly minRequests: number;
  /** This many batches over a limit in a row are a breach. */
  readonly breachesInARow: number;
  /** How often fresh counts come. */
  readonly pollMs: number;
  /** A newest reading older than this is no evidence of the present. */
  readonly staleMs: number;
}

/** What the runbook says about the rule `sequential`; docs/judge-tuning.md says what each number costs. */
export interface SequentialRules {
  readonly rule: 'sequential';
  readonly limits: Limits;
  /** How sure a rollback has to be: healthy releases are rolled back by the statistics in at most the rest of the soaks. */
  readonly confidence: number;
  /** So long green may be bad without being rolled back, if it is good again afterwards. */
  readonly burstToleranceMs: number;
  /** Health is not proven by fewer of green's requests. */
  readonly minRequests: number;
  /** How often fresh counts come; polling faster than the source has fresh data does not count. */
  readonly pollMs: number;
  /** A newest reading older than this is no evidence of the present. */
  readonly staleMs: number;
  /** So long without metrics, or with blue itself over a limit, and it is undecided. */
  readonly maxNoDataMs: number;
  readonly maxBlueUnhealthyMs: number;
  /** How long after a shift green may be without traffic: a router may need time. */
  readonly trafficGraceMs: number;
  /** So many tests of further metrics share what `confidence` leaves for false alarms. */
  readonly furtherTests?: number;
}

export const SEQUENTIAL_DEFAULTS = {
  confidence: 0.99,
  burstToleranceMs: 5_000,
  minRequests: 50,
  maxNoDataMs: 600_000,
  maxBlueUnhealthyMs: 600_000,
  trafficGraceMs: 60_000,
} as const satisfies Partial<SequentialRules>;

export const THRESHOLD_DEFAULTS = { batchMs: 60_000, breachesInARow: 3 } as const satisfies Partial<ThresholdRules>;

/** A reading may be lost or late; evidence older than this many of them says nothing about now. */
const STALE_READINGS = 4;
/** However often is read: a metrics server that takes a few seconds once is not gone. */
const LEAST_STALE_MS = 20_000;

/** Counts older than this are no evidence of the present, where fresh ones come every `pollMs`. */
export function staleAfter(pollMs: number): number {
  return Math.max(STALE_READINGS * pollMs, LEAST_STALE_MS);
}

/** What the runbook, or a replay, says of the rules; each of the others has its default. */
export type ChosenRules = Pick<SequentialRules, 'limits' | 'pollMs'> & Partial<SequentialRules>;

/** The rules of the judge, wherever it judges: for the watch, for the backtest and for a replay. */
export function sequentialRules(chosen: ChosenRules): SequentialRules {
  return { rule: 'sequential', ...SEQUENTIAL_DEFAULTS, staleMs: staleAfter(chosen.pollMs), ...chosen };
}

/** What is known of one soak before it begins. All of it may be missing: the judge then knows less, and asks for more. */
export interface SoakFacts {
  /** `healthy` needs nearly so much observed time; time without metrics or with blue over a limit does not count. */
  readonly soakMs?: number;
  /** How long the soak may become where the proof of health needs more. */
  readonly longestSoakMs?: number;
  /** The share of the traffic that green is to get, 0 to 1. */
  readonly greenShare?: number;
  /** Blue's counts in equal steps (a minute, say) before the shift, the oldest first: how scattered bad requests are. */
  readonly history?: readonly Counts[];
}
