import { addBoth, type BothCounts, pairOf } from './counts.ts';
import {
  addDataQuality,
  blueStillServes,
  type DataQuality,
  dataQualityBreach,
  dataQualityDoubt,
  dataQualitySetRight,
  isBeforeSoak,
  isUnread,
  newDataQuality,
} from './data-quality.ts';
import type { Interval, Judge, Judgement, VerdictCode } from './judgement.ts';
import { NO_PAIR } from './likelihood-ratios.ts';
import { type Metric, metricsOf } from './metric.ts';
import {
  type Lately,
  type MetricEvidence,
  newMetricEvidence,
  nextSoakOf,
  observeMetric,
  type Stretch,
  type Terms,
} from './metric-evidence.ts';
import { breachOf, type Doubt, doubtOf } from './metric-verdict.ts';
import { newVersionBins } from './overdispersion.ts';
import { healthyWords } from './reasons.ts';
import { addRecent, type Recent, trailing } from './rolling-window.ts';
import type { SequentialRules } from './rules.ts';
import { type Unproven, unproven } from './sample-size.ts';
import { breachReason, doubtReason, holdWords } from './sequential-reasons.ts';
import { fillSlot, type Slot } from './slot.ts';
import { advanceClock } from './soak-clock.ts';
import { untimedDoubt } from './untimed.ts';

/**
 * The judge with evidence (docs/judge.md): for errors and for latency it tests green against the limit and compares green with
 * blue at the same time; `healthy` needs proof of health. Each soak has a budget for being wrong, 1 - confidence, that all
 * tests share.
 */

/** Plain JSON, a few KB. */
export interface SequentialState {
  /** What is kept, and how: another number, another meaning. */
  readonly format: typeof FORMAT;
  readonly run: DataQuality;
  /** Counts that are too short for a slot of their own. */
  readonly open: Slot | null;
  readonly recent: Recent;
  readonly metrics: Readonly<Partial<Record<Metric['name'], MetricEvidence>>>;
  /** Why the release is breached: once it is, it stays so. */
  readonly breach: { readonly reason: string; readonly code: VerdictCode } | null;
}

const FORMAT = 2;
/** The scale of starting times where the soak's length is not known. */
export const USUAL_SOAK_MS = 600_000;
/** Smallest differences worth a rollback. */
export const LEAST_WORSE = { errors: 0.002, latency: 0.005 } as const;

export function sequentialJudge(rules: SequentialRules): Judge<SequentialState> {
  // A limit of 100 % cannot be exceeded: nothing to judge.
  const metrics = metricsOf(rules.limits).filter(({ limit }) => limit < 1);
  const tests = 2 * metrics.length + (rules.furtherTests ?? 0);
  const alpha = (1 - rules.confidence) / tests;

  const termsOf = ({ limit, name, provesBreach }: Metric, { run }: SequentialState): Terms => ({
    limit,
    worseIf: 'more',
    provesBreach,
    leastWorse: LEAST_WORSE[name],
    alpha,
    mereLuck: 1 - rules.confidence,
    burstToleranceMs: rules.burstToleranceMs,
    minRequests: rules.minRequests,
    scaleMs: run.soakMs ?? USUAL_SOAK_MS,
  });

  return {
    canContinue: ({ format }) => format === FORMAT,

    start(at, facts = {}) {
      const noiseOf = ({ all, bad }: Metric) =>
        newVersionBins((facts.history ?? []).map((counts) => ({ all: all(counts), bad: bad(counts) })));
      const fresh = metrics.map((metric) => [metric.name, newMetricEvidence(noiseOf(metric))] as const);
      return {
        format: FORMAT,
        run: newDataQuality(at, facts),
        open: null,
        recent: [],
        metrics: Object.fromEntries(fresh),
        breach: null,
      };
    },

    setRight: (state, at) => ({ ...state, run: dataQualitySetRight(state.run, at) }),

    nextSoak(state, at, facts = {}) {
      const next = Object.entries(state.metrics).map(([name, evidence]) => [name, nextSoakOf(evidence)] as const);
      return {
        ...state,
        run: newDataQuality(at, facts, state.run),
        metrics: Object.fromEntries(next),
      };
    },

    observe(before, interval) {
      const state = { ...before, run: addDataQuality(before.run, interval) };
      if (state.breach) return state;
      const absent = dataQualityBreach(state.run, rules);
      if (absent) return { ...state, breach: absent };
      return addToSlot(state, interval);
    },

    judge(state, now): Judgement {
      if (state.breach) return { verdict: 'breached', ...state.breach };
      const { run } = state;
      const absent = dataQualityDoubt(run, rules, now);
      if (absent && absent.code !== 'insufficient-data') return { verdict: 'inconclusive', ...absent };
      const doubts = metrics.flatMap((metric) => doubtAbout(state, metric) ?? []);
      // What looks wrong is more telling than what is merely not there yet.
      const wrong = doubts.find(({ doubt }) => doubt !== 'unproven');
      if (wrong)
        return wrong.doubt === 'hold'
          ? onHold(run, wrong.reason)
          : { verdict: 'inconclusive', reason: wrong.reason, code: 'suspected' };
      const [first] = doubts;
      const healthy = healthyWords(metrics, run.counts);
      const untimed = untimedDoubt(run, rules.limits);
      if (!absent && !first && untimed === undefined) {
        const served = blueStillServes(run, rules);
        return served === undefined
          ? { verdict: 'healthy', reason: healthy }
          : { verdict: 'inconclusive', reason: `${served}; otherwise healthy: ${healthy}`, code: 'blue-has-traffic' };
      }
      const soFar = isUnread(run) ? [] : [first?.reason ?? `healthy so far: ${healthy}`];
      const reasons = [untimed, ...soFar, absent?.reason].filter((reason) => reason !== undefined);
      const missingMs = Math.max(absent?.missingMs ?? 0, ...doubts.map((doubt) => doubt.missingMs ?? 0));
      return {
        verdict: 'inconclusive',
        reason: reasons.join('; '),
        code: 'insufficient-data',
        ...(missingMs > 0 ? { missingMs } : {}),
      };
    },
  };

  function addToSlot(before: SequentialState, interval: Interval): SequentialState {
    const inSoak = !isBeforeSoak(before.run, interval);
    if (!inSoak && before.run.isFirst) return addShift(before, interval);
    // What was counted before the soak and what is counted in it are never one slot.
    const mustClose = inSoak && before.open && isBeforeSoak(before.run, before.open);
    const state = mustClose && before.open ? judgeSlot({ ...before, open: null }, before.open) : before;
    if (state.breach) return state;
    const { slot, isFull } = fillSlot(state.open, interval, rules);
    return isFull ? judgeSlot({ ...state, open: null }, slot) : { ...state, open: slot };
  }

  /**
   * The reading in which green got its first traffic: what it failed tells since when it fails, but where it had more requests
   * than its share explains, somebody tested it before.
   */
  function addShift(state: SequentialState, { from, to, green, blue }: Interval): SequentialState {
    const { from: shiftedAt, greenShare } = state.run;
    if (greenShare === null || to <= shiftedAt) return state;
    const [before, since] = [shiftedAt - from, to - shiftedAt];
    const expected = (blue.requests * greenShare * since) / (before + (1 - greenShare) * since);
    if (green.requests > 2 * expected) return state;
    return judgeSlot(state, { from: shiftedAt, to, green, blue }, false);
  }

  function judgeSlot(state: SequentialState, slot: Slot, inSoak = !isBeforeSoak(state.run, slot)): SequentialState {
    const recent = addRecent(state.recent, slot);
    const next: Partial<Record<Metric['name'], MetricEvidence>> = {};
    const reasons: { reason: string; code: VerdictCode }[] = [];
    const ms = Math.max(0, slot.to - slot.from);
    for (const metric of metrics) {
      const before = state.metrics[metric.name];
      if (!before) continue;
      const lately = { ...latelyOf({ ...state, recent }, metric), pair: pairOf(metric, slot), ms, inSoak };
      const terms = termsOf(metric, state);
      const evidence = observeMetric(before, lately, terms);
      next[metric.name] = evidence;
      const breach = breachOf(evidence, lately, terms);
      if (breach) reasons.push({ code: breach.code, reason: breachReason(metric, breach, tests) });
    }
    const held = Object.values(next).some((evidence) => evidence.held);
    const run = inSoak ? addSlot(state.run, slot, { ms, held }) : state.run;
    const [first] = reasons;
    const breach = first ? { code: first.code, reason: reasons.map(({ reason }) => reason).join('; ') } : null;
    return { ...state, run, recent, metrics: next, breach };
  }

  function addSlot(before: DataQuality, slot: BothCounts, { ms, held }: { ms: number; held: boolean }): DataQuality {
    const { clock } = before;
    return {
      ...before,
      counts: { ...addBoth(before.counts, slot), ms: before.counts.ms + ms },
      heldMs: held ? before.heldMs + ms : 0,
      clock: held ? { ...clock, idleMs: 0 } : advanceClock(clock, slot.green.requests, Math.min(ms, rules.staleMs)),
    };
  }

  function doubtAbout(state: SequentialState, metric: Metric): (Unproven & { readonly doubt: Doubt }) | undefined {
    const evidence = state.metrics[metric.name];
    const lately = latelyOf(state, metric);
    const terms = termsOf(metric, state);
    const doubt = evidence && doubtOf(evidence, lately, terms);
    if (!doubt) return undefined;
    if (doubt === 'unproven')
      return {
        doubt,
        ...unproven(metric, evidence.soak, { minRequests: rules.minRequests, longestMs: state.run.longestSoakMs }),
      };
    return { doubt, reason: doubtReason(metric, evidence, lately, { doubt, terms }) };
  }

  function onHold({ heldMs }: DataQuality, reason: string): Judgement {
    const exhausted = heldMs > rules.maxBlueUnhealthyMs;
    return {
      verdict: 'inconclusive',
      reason: holdWords(reason, heldMs, exhausted),
      code: 'blue-unhealthy',
      ...(exhausted ? { exhausted } : {}),
    };
  }

  function latelyOf({ recent }: SequentialState, metric: Metric): Lately {
    const over = (wantedMs: number): Stretch => {
      const { ms, ...counts } = trailing(recent, wantedMs);
      return { ...pairOf(metric, counts), ms };
    };
    return { pair: NO_PAIR, ms: 0, inSoak: true, minute: over(60_000), twoMinutes: over(120_000) };
  }
}
