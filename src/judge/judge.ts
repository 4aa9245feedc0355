import type { Judge } from './judgement.ts';
import type { JudgeRules, SequentialRules } from './rules.ts';
import { type SequentialState, sequentialJudge } from './sequential.ts';
import { type ThresholdState, thresholdJudge } from './threshold.ts';

export type JudgeState = ThresholdState | SequentialState;

/** The judge for these rules. A state goes only with the rule that it was made by. */
export function createJudge(rules: SequentialRules): Judge<SequentialState>;
export function createJudge(rules: JudgeRules): Judge<JudgeState>;
export function createJudge(rules: JudgeRules): Judge<ThresholdState> | Judge<SequentialState> {
  switch (rules.rule) {
    case 'threshold':
      return thresholdJudge(rules);
    case 'sequential':
      return sequentialJudge(rules);
  }
}
