import type { Counts, Limits } from '../runbook/plan.ts';

/** What the runbook says about the rule `evidence`; docs/judge.md says what each number costs. */
export interface EvidenceRules {
  readonly rule: 'evidence';
  readonly limits: Limits;
  /** How sure a rollback has to be: healthy releases are rolled back by the statistics in at most the rest of the soaks. */
  readonly confidence: number;
  /** So long green may be bad without being rolled back, if it is good again afterwards. */
  readonly patienceMs: number;
  /** Health is not proven by fewer of green's requests, and a batch of the literal rule holds no fewer. */
  readonly minRequests: number;
  /** The literal rule counts in batches at least this long; so many over a limit in a row are a breach. */
  readonly batchMs: number;
  readonly breachesInARow: number;
  /** How often fresh counts come; polling faster than the source has fresh data does not count. */
  readonly pollMs: number;
  /** A newest reading older than this is no evidence of the present. */
  readonly blindMs: number;
  /** So long without metrics, or with blue itself over a limit, and it is undecided. */
  readonly maxBlindMs: number;
  readonly maxHoldMs: number;
  /** How long after a shift green may be without traffic: a router may need time. */
  readonly routeGraceMs: number;
}

export const EVIDENCE_DEFAULTS = {
  confidence: 0.99,
  patienceMs: 5_000,
  minRequests: 50,
  batchMs: 60_000,
  breachesInARow: 3,
  maxBlindMs: 600_000,
  maxHoldMs: 600_000,
  routeGraceMs: 60_000,
} as const satisfies Partial<EvidenceRules>;

/** A reading may be lost or late; evidence older than this many of them says nothing about now. */
const STALE_READINGS = 4;
/** However often is read: a metrics server that takes a few seconds once is not gone. */
const LEAST_STALE_MS = 20_000;

/** Counts older than this are no evidence of the present, where fresh ones come every `pollMs`. */
export function staleAfterMs(pollMs: number): number {
  return Math.max(STALE_READINGS * pollMs, LEAST_STALE_MS);
}

/** What the runbook, or a replay, says of the rules; each of the others has its default. */
export type ChosenRules = Pick<EvidenceRules, 'limits' | 'pollMs'> & Partial<EvidenceRules>;

/** The rules of the judge, wherever it judges: for the watch, for the backtest and for a replay. */
export function evidenceRules(chosen: ChosenRules): EvidenceRules {
  return { rule: 'evidence', ...EVIDENCE_DEFAULTS, blindMs: staleAfterMs(chosen.pollMs), ...chosen };
}

/** What is known of one soak before it begins. All of it may be missing: the judge then knows less, and asks for more. */
export interface SoakFacts {
  /** `healthy` needs nearly so much observed time; time without metrics or with blue over a limit does not count. */
  readonly soakMs?: number;
  /** The share of the traffic that green is to get, 0 to 1. */
  readonly greenShare?: number;
  /** Blue's counts in equal steps (a minute, say) before the shift, the oldest first: how scattered bad requests are. */
  readonly history?: readonly Counts[];
}

/** How many slots a burst of `patienceMs` touches at most, however it lies. */
export function burstSlots({ patienceMs }: EvidenceRules, slotMs: number): number {
  return Math.ceil(patienceMs / slotMs) + 1;
}

/** Counts are judged in slots of at least this length: of faster polls several make one. */
export function slotLength({ patienceMs, pollMs }: EvidenceRules): number {
  return Math.max(pollMs, patienceMs / 6);
}
