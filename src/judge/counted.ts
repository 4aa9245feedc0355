import { grouped, percent, seconds } from '../format/index.ts';
import { type BothCounts, pairOf } from './counts.ts';
import type { Judge, Judgement, VerdictCode } from './judgement.ts';
import { shareOf } from './likelihood-ratios.ts';
import { NO_TRAFFIC } from './metric.ts';
import {
  type Lately,
  type MetricEvidence,
  newMetricEvidence,
  nextSoakOf,
  observeMetric,
  type Stretch,
  type Terms,
} from './metric-evidence.ts';
import { breachOf, objectionOf } from './metric-verdict.ts';
import { newVersionBins } from './overdispersion.ts';
import { stretchWords, type Words } from './reasons.ts';
import { addRecent, type Recent, trailing } from './rolling-window.ts';
import type { Counts, SequentialRules, SoakFacts } from './rules.ts';
import { unproven } from './sample-size.ts';
import { LEAST_WORSE, USUAL_SOAK_MS } from './sequential.ts';
import { breachReason, doubtReason, holdWords } from './sequential-reasons.ts';
import { fillSlot, type Slot } from './slot.ts';
import { chanceOfAtMost } from './special-functions.ts';

/** A further metric, such as checkout failures: bad ones of all, judged by the tests that errors are judged by. */
export interface CountedRules
  extends Pick<
    SequentialRules,
    'confidence' | 'burstToleranceMs' | 'minRequests' | 'pollMs' | 'staleMs' | 'maxNoDataMs' | 'maxBlueUnhealthyMs'
  > {
  /** Largest allowed share of failed ones. Without it green is only compared with blue. */
  readonly limit?: number;
  /** Green is worse than blue where a larger share fails, or where a smaller share is answered. */
  readonly compare: 'failed' | 'answered';
  /** `healthy` waits for proof. Otherwise too few events are no objection. */
  readonly required: boolean;
  /** All tests that share what `confidence` leaves for false alarms. */
  readonly tests: number;
}

/** Plain JSON, about 2 KB. */
export interface CountedState {
  /** What is kept, and how: another number, another meaning. */
  readonly format: typeof FORMAT;
  /** When the soak began. Before the first one green had no users. */
  readonly from: number;
  readonly isFirst: boolean;
  readonly soakMs: number | null;
  readonly longestSoakMs: number | null;
  /** The end of the newest interval. */
  readonly seenAt: number | null;
  /** How long blue has now been over the limit. */
  readonly heldMs: number;
  readonly open: Slot | null;
  readonly recent: Recent;
  readonly evidence: MetricEvidence;
  /** Why the release is breached: once it is, it stays so. */
  readonly breach: { readonly reason: string; readonly code: VerdictCode } | null;
}

const FORMAT = 1;
const ENOUGH_PROOF = 0.05;

/** How many tests a further metric takes part in: against its limit, and against blue. */
export function testsOf({ limit }: Pick<CountedRules, 'limit'>): number {
  return limit === undefined ? 1 : 2;
}

export function countedJudge(rules: CountedRules): Judge<CountedState> {
  const { compare, limit = 1, confidence, minRequests, staleMs, burstToleranceMs } = rules;
  const isAnswered = compare === 'answered';
  const bad = ({ requests, failed }: Counts) => (isAnswered ? requests - failed : failed);
  const words: Words = {
    did: (part) => `${isAnswered ? 'answered' : 'failed'} ${part}`,
    none: NO_TRAFFIC,
    limitWords: rules.limit === undefined ? '' : `the limit is ${percent(limit)}`,
  };
  const pair = (counts: BothCounts) => pairOf({ all: ({ requests }) => requests, bad }, counts);

  const termsOf = ({ soakMs }: CountedState): Terms => ({
    limit,
    worseIf: isAnswered ? 'fewer' : 'more',
    provesBreach: true,
    // Of what is answered a share may be small to begin with: there the ratio alone says what is worth a rollback.
    leastWorse: isAnswered ? 0 : LEAST_WORSE.errors,
    alpha: (1 - confidence) / rules.tests,
    mereLuck: 1 - confidence,
    burstToleranceMs,
    minRequests,
    scaleMs: soakMs ?? USUAL_SOAK_MS,
  });

  return {
    canContinue: ({ format }) => format === FORMAT,

    start: (at, { soakMs, longestSoakMs, history = [] }: SoakFacts = {}) => ({
      format: FORMAT,
      from: at,
      isFirst: true,
      soakMs: soakMs ?? null,
      longestSoakMs: longestSoakMs ?? null,
      seenAt: null,
      heldMs: 0,
      open: null,
      recent: [],
      evidence: newMetricEvidence(
        newVersionBins(history.map((counts) => ({ all: counts.requests, bad: bad(counts) }))),
      ),
      breach: null,
    }),

    nextSoak: (state, at, { soakMs, longestSoakMs } = {}) => ({
      ...state,
      from: at,
      isFirst: false,
      soakMs: soakMs ?? null,
      longestSoakMs: longestSoakMs ?? null,
      seenAt: null,
      evidence: nextSoakOf(state.evidence),
    }),

    observe(before, interval) {
      const seenAt = Math.max(before.seenAt ?? interval.to, interval.to);
      const state = { ...before, seenAt };
      const inSoak = interval.from >= state.from;
      if (state.breach || (!inSoak && state.isFirst)) return state;
      // What was counted before the soak and what is counted in it are never one slot.
      const mustClose = inSoak && state.open && state.open.from < state.from;
      const ready = mustClose && state.open ? judgeSlot({ ...state, open: null }, state.open) : state;
      const { slot, isFull } = fillSlot(ready.open, interval, rules);
      return isFull && !ready.breach ? judgeSlot({ ...ready, open: null }, slot) : { ...ready, open: slot };
    },

    judge(state, now): Judgement {
      if (state.breach) return { verdict: 'breached', ...state.breach };
      const unseenMs = now - (state.seenAt ?? state.from);
      if (state.seenAt === null || unseenMs > staleMs)
        return {
          verdict: 'inconclusive',
          code: 'no-metrics',
          reason: `no new counts for ${seconds(unseenMs)}`,
          ...(unseenMs > rules.maxNoDataMs ? { exhausted: true } : {}),
        };
      const { evidence, heldMs } = state;
      const { soak } = evidence;
      const lately = latelyOf(state);
      const terms = termsOf(state);
      const objection = objectionOf(evidence, lately, terms);
      if (objection === 'hold') {
        const exhausted = heldMs > rules.maxBlueUnhealthyMs;
        const reason = doubtReason(words, evidence, lately, { doubt: objection, terms });
        return {
          verdict: 'inconclusive',
          code: 'blue-unhealthy',
          reason: holdWords(reason, heldMs, exhausted),
          ...(exhausted ? { exhausted } : {}),
        };
      }
      if (objection) {
        const reason = doubtReason(words, evidence, lately, { doubt: objection, terms });
        return { verdict: 'inconclusive', code: 'suspected', reason };
      }
      const isProven = chanceOfAtMost(soak.greenBad, soak.greenAll, limit) < ENOUGH_PROOF;
      if (soak.greenAll >= minRequests && (rules.limit === undefined || isProven))
        return { verdict: 'healthy', reason: stretchWords(words, soak) };
      return { verdict: 'inconclusive', code: 'insufficient-data', ...missing(state) };
    },
  };

  function missing({ evidence: { soak }, longestSoakMs }: CountedState): Pick<Judgement, 'reason' | 'missingMs'> {
    if (rules.required) return unproven({ ...words, limit }, soak, { minRequests, longestMs: longestSoakMs });
    const few =
      soak.greenAll < minRequests ? `too few to judge: ${grouped(soak.greenAll)} of ${minRequests}` : 'not proven';
    return { reason: `${few}; nothing speaks against green: ${stretchWords(words, soak)}` };
  }

  function judgeSlot(state: CountedState, slot: Slot): CountedState {
    const recent = addRecent(state.recent, slot);
    const ms = Math.max(0, slot.to - slot.from);
    const inSoak = slot.from >= state.from;
    const lately = { ...latelyOf({ recent }), pair: pair(slot), ms, inSoak };
    const terms = termsOf(state);
    const evidence = observeMetric(state.evidence, lately, terms);
    const found = breachOf(evidence, lately, terms);
    const breach = found ? { code: found.code, reason: breachReason(words, found, rules.tests) } : null;
    return { ...state, recent, evidence, breach, heldMs: evidence.held ? state.heldMs + ms : 0 };
  }

  function latelyOf({ recent }: Pick<CountedState, 'recent'>): Lately {
    const over = (wantedMs: number): Stretch => {
      const { ms, ...counts } = trailing(recent, wantedMs);
      return { ...pair(counts), ms };
    };
    return { ...NO_SLOT, minute: over(60_000), twoMinutes: over(120_000) };
  }
}

const NO_SLOT = { pair: { greenAll: 0, greenBad: 0, blueAll: 0, blueBad: 0 }, ms: 0, inSoak: true };

/** Both versions' shares in this soak, 0 to 1; null where nothing was counted. */
export function countedShares({ evidence: { soak } }: CountedState): {
  readonly green: number | null;
  readonly blue: number | null;
} {
  const share = (part: number, whole: number) => (whole > 0 ? shareOf(part, whole) : null);
  return { green: share(soak.greenBad, soak.greenAll), blue: share(soak.blueBad, soak.blueAll) };
}
