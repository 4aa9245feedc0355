import { plain, seconds } from '../format/index.ts';
import type { Judgement } from './judgement.ts';

/** A value that has to stay on one side of a bound: memory, a queue, the result of any expression. */
export interface ConditionRules {
  /** It holds while the value is less than `below` and more than `above`; one of the two may be missing. */
  readonly below?: number;
  readonly above?: number;
  /** Broken for so long without a break it is a breach; kept for so long it is kept again. */
  readonly forMs: number;
  /** A newest value older than this says nothing about the present. */
  readonly staleMs: number;
  /** So long without a value, and it is undecided. */
  readonly maxNoDataMs: number;
}

/** Plain JSON; times are epoch milliseconds. */
export interface ConditionState {
  /** When the soak began. */
  readonly from: number;
  /** The newest value, and since when the condition has been kept, or broken. */
  readonly value: number | null;
  readonly at: number | null;
  readonly keptSince: number | null;
  readonly brokenSince: number | null;
  /** Whether it was broken in this soak. */
  readonly wasBroken: boolean;
  /** Why the release is breached: once it is, it stays so. */
  readonly breach: string | null;
}

/** Judges the newest value of an expression over time. Pure, as a `Judge` is. */
export interface ConditionJudge {
  start(at: number): ConditionState;
  nextSoak(state: ConditionState, at: number): ConditionState;
  /** Takes in what the expression was worth; `null`: it had no value, which is neither good nor bad. */
  observe(state: ConditionState, value: number | null, at: number): ConditionState;
  judge(state: ConditionState, now: number): Judgement;
}

export function conditionJudge({ below, above, forMs, staleMs, maxNoDataMs }: ConditionRules): ConditionJudge {
  const expected = [
    ...(above === undefined ? [] : [`above ${plain(above)}`]),
    ...(below === undefined ? [] : [`below ${plain(below)}`]),
  ].join(' and ');
  const isKept = (value: number) => value < (below ?? Infinity) && value > (above ?? -Infinity);

  return {
    start: (from) => ({
      from,
      value: null,
      at: null,
      keptSince: null,
      brokenSince: null,
      wasBroken: false,
      breach: null,
    }),

    nextSoak: (state, from) => ({ ...state, from, at: null, wasBroken: state.brokenSince !== null }),

    observe(state, value, at) {
      if (state.breach !== null || value === null) return state;
      // Nobody knows what it was in a long gap: what lies before it does not go on.
      const before =
        state.at !== null && at - state.at > staleMs ? { ...state, keptSince: null, brokenSince: null } : state;
      if (isKept(value)) return { ...before, value, at, keptSince: before.keptSince ?? at, brokenSince: null };
      const brokenSince = before.brokenSince ?? at;
      const isBreach = at - brokenSince >= forMs;
      const breach = `${plain(value)}, expected ${expected}; it has been so for ${seconds(at - brokenSince)}`;
      return { ...before, value, at, keptSince: null, brokenSince, wasBroken: true, breach: isBreach ? breach : null };
    },

    judge({ from, value, at, keptSince, wasBroken, breach }, now): Judgement {
      if (breach !== null) return { verdict: 'breached', code: 'condition-broken', reason: breach };
      const unseenMs = now - (at ?? from);
      if (at === null || value === null || unseenMs > staleMs)
        return {
          verdict: 'inconclusive',
          code: 'no-metrics',
          reason: `no value for ${seconds(unseenMs)}`,
          ...(unseenMs > maxNoDataMs ? { exhausted: true } : {}),
        };
      const is = `${plain(value)}, expected ${expected}`;
      if (keptSince === null)
        return { verdict: 'inconclusive', code: 'suspected', reason: `${is}; a breach after ${seconds(forMs)}` };
      if (wasBroken && at - keptSince < forMs)
        return {
          verdict: 'inconclusive',
          code: 'suspected',
          reason: `${is}; kept for ${seconds(at - keptSince)} of ${seconds(forMs)} since it was broken`,
          missingMs: forMs - (at - keptSince),
        };
      return { verdict: 'healthy', reason: is };
    },
  };
}
