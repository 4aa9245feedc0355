import type { DeploymentPlan } from '../domain/index.ts';
import { type BothCounts, createJudge, type JudgeRules, staleAfter } from '../judge/index.ts';
import type { HistoryInterval } from '../plugin/index.ts';
import type { HistorySoak } from './history.ts';

/** The first step of the traffic plan, as it is watched. */
export interface RehearsedStep {
  readonly rules: JudgeRules;
  /** Green's share of the traffic. */
  readonly share: number;
  readonly soakMs: number;
  /** A soak that is not proven healthy in its time is extended up to this; then it is rolled back. */
  readonly maxSoakMs: number;
  readonly watch: DeploymentPlan['watch'];
}

/** @throws Error for a plan without a step, which no runbook makes. */
export function firstStepOf({ judge, traffic, watch }: DeploymentPlan): RehearsedStep {
  const [first] = traffic;
  if (!first) throw new Error('the plan has no step');
  const { percentage, soakMs } = first;
  return { rules: judge, share: percentage / 100, soakMs, maxSoakMs: soakMs * watch.maxSoakFactor, watch };
}

/** How one rehearsed release went; times since its soak began. */
export interface Rehearsed {
  readonly breachedMs?: number;
  /** The judge's words for the breach. */
  readonly reason?: string;
  /** Why it was not healthy when the soak was to end, in the judge's words. */
  readonly doubt?: string;
  /** When its soak ended with proof of health. */
  readonly healthyMs?: number;
  /** How long it was watched. */
  readonly watchedMs: number;
}

/**
 * Walks a soak of the past as the watch does (src/workflows/soak.ts): breached at any time is the end, healthy counts when
 * the soak's time is over, at once. `goOn` watches a release on after it passed, as if its soak were longer.
 */
export function rehearseRelease(
  soak: HistorySoak,
  { rules, share: greenShare, soakMs, maxSoakMs }: RehearsedStep,
  { split, goOn }: { readonly split: (interval: HistoryInterval) => BothCounts; readonly goOn: boolean },
): Rehearsed {
  const judge = createJudge(rules);
  let state = judge.start(soak.at, { soakMs, greenShare });
  let watchedMs = 0;
  let healthyMs: number | undefined;
  let doubt: string | undefined;
  const ended = () => ({
    watchedMs,
    ...(healthyMs !== undefined && { healthyMs }),
    ...(doubt !== undefined && { doubt }),
  });

  for (const interval of soak.intervals) {
    state = judge.observe(state, { from: interval.from, to: interval.to, ...split(interval) });
    watchedMs = interval.to - soak.at;
    const { verdict, reason } = judge.judge(state, interval.to);
    if (verdict === 'breached') return { ...ended(), breachedMs: watchedMs, reason };
    if (watchedMs < soakMs) continue;
    if (verdict === 'healthy') healthyMs ??= watchedMs;
    else if (healthyMs === undefined) doubt ??= reason;
    if ((healthyMs !== undefined && !goOn) || watchedMs >= maxSoakMs) return ended();
  }
  return ended();
}

/** The rules for counts that come only so often: what is older than a few polls is no evidence, of any poll. */
export function atResolution<Some extends { readonly staleMs: number; readonly pollMs?: number }>(
  rules: Some,
  intervalMs: number,
): Some {
  return {
    ...rules,
    staleMs: Math.max(rules.staleMs, staleAfter(intervalMs)),
    ...(rules.pollMs !== undefined && { pollMs: Math.max(rules.pollMs, intervalMs) }),
  };
}
