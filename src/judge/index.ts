export { type Because, type Interval, type Judge, type JudgeState, type Judgement, createJudge } from './judge.ts';
export { CONFIDENCE, type PlannedSoak, type SightRules, batchLengthMs, batchesIn, chanceToFind, requestsIn, requestsToProve, seesEnough, smallestShareFound, soakNeeded, timeToFind, trafficNeeded } from './power.ts';
export { type Metric, metricsOf } from './reasons.ts';
export { type Counts, EVIDENCE_DEFAULTS, type EvidenceRules, type JudgeRules, type Limits, type Verdict, evidenceRules, staleAfterMs } from './rules.ts';
export { type EvidenceState, evidenceJudge } from './sequential.ts';
export type { BothCounts } from './threshold.ts';
