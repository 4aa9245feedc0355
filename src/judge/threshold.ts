import { seconds } from '../format/index.ts';
import { addBoth, type BothCounts, NOTHING, type Run } from './counts.ts';
import type { Interval, Judge, Judgement } from './judgement.ts';
import { metricsOf } from './metric.ts';
import { isOver } from './rates.ts';
import { breachWords, healthyWords, pendingWords, shareWords } from './reasons.ts';
import { type ThresholdRules, timedOf } from './rules.ts';
import { advanceClock, missingTime, NO_TIME, type SoakClock } from './soak-clock.ts';
import { untimedDoubt } from './untimed.ts';

/** Plain JSON, about 1 KB. */
export interface ThresholdState {
  /** The proof of the soak under way. */
  readonly soak: BothCounts & {
    readonly from: number;
    readonly isFirst: boolean;
    /** How long it is meant to be; null where that is not known. */
    readonly soakMs: number | null;
    /** The time over which these were counted, and how much of it counts. */
    readonly ms: number;
    readonly clock: SoakClock;
    /** Batches closed since then. */
    readonly batches: number;
    /** The end of the newest interval, and of the newest in which the version was asked anything. */
    readonly seenAt: number | null;
    readonly greenSeenAt: number | null;
    /** The end of the newest interval with durations of green. */
    readonly greenTimedAt: number | null;
    readonly blueSeenAt: number | null;
  };
  /** The batch that is still filling. */
  readonly open: BothCounts & { readonly ms: number };
  readonly runs: { readonly errors: Run; readonly latency: Run };
  /** Why the release is breached: once it is, it stays so. */
  readonly breach: string | null;
}

const NO_RUN: Run = { ...NOTHING, batches: 0, ms: 0 };
/**
 * The runbook's limits as they stand: fresh counts are gathered into batches of at least `batchMs` and `minRequests` of
 * green's requests, and `breachesInARow` batches over a limit, one after the other, are a breach. Errors and latency are
 * counted apart. This has no statistical guarantee; the numbers in a row and in a batch protect a release from one bad moment.
 */
export function thresholdJudge(rules: ThresholdRules): Judge<ThresholdState> {
  const metrics = metricsOf(rules.limits);

  return {
    start: (at, { soakMs = null } = {}) => ({
      soak: emptySoak(at, { isFirst: true, soakMs }),
      open: { ...NOTHING, ms: 0 },
      runs: { errors: NO_RUN, latency: NO_RUN },
      breach: null,
    }),

    canContinue: () => true,

    nextSoak: (state, at, { soakMs = null } = {}) => ({ ...state, soak: emptySoak(at, { isFirst: false, soakMs }) }),

    observe(state, interval) {
      const soak = withInterval(state.soak, interval);
      const isBeforeFirst = state.soak.isFirst && interval.from < state.soak.from;
      if (state.breach !== null || isBeforeFirst) return { ...state, soak };
      // A worker with another clock may take over in between: its first interval can seem to end before it began.
      const ms = state.open.ms + Math.max(0, interval.to - interval.from);
      const open = { ...addBoth(state.open, interval), ms };
      if (open.ms < rules.batchMs || open.green.requests < rules.minRequests) return { ...state, soak, open };

      const runs = { ...state.runs };
      for (const metric of metrics.filter(({ all }) => all(open.green) >= rules.minRequests))
        runs[metric.name] =
          metric.provesBreach && isOver(metric.bad(open.green), metric.all(open.green), metric.limit)
            ? extendRun(state.runs[metric.name], open)
            : NO_RUN;
      const breached = metrics.filter(({ name }) => runs[name].batches >= rules.breachesInARow);
      const breach = breached.map((metric) => breachWords(metric, runs[metric.name])).join('; ');
      return {
        soak: { ...soak, batches: soak.batches + 1 },
        open: { ...NOTHING, ms: 0 },
        runs: breach === '' ? runs : { errors: NO_RUN, latency: NO_RUN },
        breach: breach === '' ? null : breach,
      };
    },

    judge(state, now): Judgement {
      if (state.breach !== null) return { verdict: 'breached', reason: state.breach };
      const doubt = missingEvidence(state, now) ?? pendingBreach(state);
      if (doubt !== undefined) return { verdict: 'inconclusive', reason: doubt };
      const untimed = untimedDoubt(state.soak, rules.limits);
      const unproven = missingProof(state);
      if (untimed !== undefined) {
        const reason = unproven === undefined ? untimed : `${untimed}; ${unproven}`;
        return { verdict: 'inconclusive', code: 'insufficient-data', reason };
      }
      if (unproven !== undefined) return { verdict: 'inconclusive', reason: unproven };
      const { clock, soakMs, from } = state.soak;
      const missing = missingTime(clock, { soakMs, pollMs: rules.pollMs, goneMs: now - from });
      const healthy = healthyWords(metrics, state.soak);
      return missing
        ? { verdict: 'inconclusive', ...missing, reason: `healthy so far: ${healthy}; ${missing.reason}` }
        : { verdict: 'healthy', reason: healthy };
    },
  };

  /** No metrics, no traffic and no traffic on green are three different things (invariant 5). */
  function missingEvidence({ soak }: ThresholdState, now: number): string | undefined {
    const stale = (seenAt: number) => now - seenAt > rules.staleMs;
    if (soak.seenAt === null) return `no metrics since the soak began ${seconds(now - soak.from)} ago`;
    if (stale(soak.seenAt))
      return `no new metrics for ${seconds(now - soak.seenAt)}; after ${seconds(rules.staleMs)} they say nothing about now`;
    if (soak.greenSeenAt !== null && !stale(soak.greenSeenAt)) return undefined;

    const since =
      soak.greenSeenAt === null
        ? 'since the soak began'
        : `for ${seconds(now - soak.greenSeenAt)}, although it had some before`;
    const blueIsAsked = soak.blueSeenAt !== null && !stale(soak.blueSeenAt);
    return blueIsAsked
      ? `blue has traffic but green gets none ${since}: the routing to green may be broken`
      : `no traffic on either version ${since}`;
  }

  /** Over a limit, but not yet so often in a row that it is proven. */
  function pendingBreach({ runs, open }: ThresholdState): string | undefined {
    for (const metric of metrics) {
      const run = runs[metric.name];
      if (run.batches > 0) return pendingWords(metric, run, rules.breachesInARow);
      const all = metric.all(open.green);
      if (all >= rules.minRequests && isOver(metric.bad(open.green), all, metric.limit))
        return `${shareWords(metric, open)} in the batch that is still open`;
    }
    return undefined;
  }

  function missingProof({ soak, open }: ThresholdState): string | undefined {
    if (soak.green.requests < rules.minRequests)
      return `too few requests yet: green answered ${soak.green.requests} of the ${rules.minRequests} that are needed`;
    if (soak.batches === 0)
      return (
        `no batch is complete yet in this soak: the first holds ${open.green.requests} of ${rules.minRequests} requests ` +
        `over ${seconds(open.ms)} of ${seconds(rules.batchMs)}`
      );
    const few = metrics.find(({ all }) => all(soak.green) < rules.minRequests);
    if (few)
      return `too few timed requests yet: ${few.all(soak.green)} of the ${rules.minRequests} that are needed; ${shareWords(few, soak)}`;
    const over = metrics.find((metric) => isOver(metric.bad(soak.green), metric.all(soak.green), metric.limit));
    return over && `${shareWords(over, soak)}, in the whole soak`;
  }
}

function emptySoak(from: number, known: Pick<ThresholdState['soak'], 'isFirst' | 'soakMs'>): ThresholdState['soak'] {
  return {
    ...NOTHING,
    from,
    ...known,
    ms: 0,
    clock: NO_TIME,
    batches: 0,
    seenAt: null,
    greenSeenAt: null,
    greenTimedAt: null,
    blueSeenAt: null,
  };
}

function withInterval(soak: ThresholdState['soak'], interval: Interval): ThresholdState['soak'] {
  const later = (seenAt: number | null) => Math.max(seenAt ?? interval.to, interval.to);
  const seenAt = later(soak.seenAt);
  // A shift was under way: these are none of the soak's.
  if (interval.from < soak.from) return { ...soak, seenAt };
  const ms = Math.max(0, interval.to - interval.from);
  return {
    ...soak,
    ...addBoth(soak, interval),
    ms: soak.ms + ms,
    clock: advanceClock(soak.clock, interval.green.requests, ms),
    seenAt,
    greenSeenAt: interval.green.requests > 0 ? later(soak.greenSeenAt) : soak.greenSeenAt,
    greenTimedAt: timedOf(interval.green) > 0 ? later(soak.greenTimedAt) : soak.greenTimedAt,
    blueSeenAt: interval.blue.requests > 0 ? later(soak.blueSeenAt) : soak.blueSeenAt,
  };
}

function extendRun(run: Run, batch: ThresholdState['open']): Run {
  return { ...addBoth(run, batch), batches: run.batches + 1, ms: run.ms + batch.ms };
}
