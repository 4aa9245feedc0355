export type { BothCounts } from './counts.ts';
export { createJudge, type JudgeState } from './judge.ts';
export type { Because, Interval, Judge, Judgement } from './judgement.ts';
export { type Metric, metricsOf } from './metric.ts';
export {
  batchesIn,
  batchLengthMs,
  CONFIDENCE,
  chanceToFind,
  type PlannedSoak,
  requestsIn,
  requestsToProve,
  type SightRules,
  seesEnough,
  smallestShareFound,
  soakNeeded,
  timeToFind,
  trafficNeeded,
} from './power.ts';
export { isOver } from './rates.ts';
export {
  type Counts,
  EVIDENCE_DEFAULTS,
  type EvidenceRules,
  evidenceRules,
  type JudgeRules,
  type Limits,
  staleAfterMs,
  type Verdict,
} from './rules.ts';
export { type EvidenceState, evidenceJudge } from './sequential.ts';
