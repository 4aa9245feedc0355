export { type ConditionRules, type ConditionState, conditionJudge } from './condition.ts';
export { type CountedRules, type CountedState, countedJudge, countedShares, testsOf } from './counted.ts';
export type { BothCounts } from './counts.ts';
export { createJudge, type JudgeState } from './judge.ts';
export { type Interval, type Judge, type Judgement, unread, type VerdictCode } from './judgement.ts';
export { type Metric, metricsOf } from './metric.ts';
export {
  batchesIn,
  batchLengthMs,
  CONFIDENCE,
  detectionProbability,
  hasPower,
  minimumDetectableRate,
  type PlannedSoak,
  type PowerRules,
  requestsIn,
  requestsToProve,
  soakNeeded,
  timeToFind,
  trafficNeeded,
} from './power.ts';
export { isOver } from './rates.ts';
export {
  addCounts,
  type Counts,
  type JudgeRules,
  type Limits,
  NO_COUNTS,
  SEQUENTIAL_DEFAULTS,
  type SequentialRules,
  sequentialRules,
  staleAfter,
  THRESHOLD_DEFAULTS,
  timedOf,
  type Verdict,
} from './rules.ts';
export { type SequentialState, sequentialJudge } from './sequential.ts';
