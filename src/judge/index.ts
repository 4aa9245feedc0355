export { type Because, createJudge, type Interval, type Judge, type Judgement, type JudgeState } from './judge.ts';
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
export { type Metric, metricsOf } from './reasons.ts';
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
export type { BothCounts } from './threshold.ts';
