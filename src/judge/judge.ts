import type { Judge } from './judgement.ts';
import type { EvidenceRules, JudgeRules } from './rules.ts';
import { type EvidenceState, evidenceJudge } from './sequential.ts';
import { type LiteralState, literalJudge } from './threshold.ts';

export type JudgeState = LiteralState | EvidenceState;

/** The judge for these rules. A state goes only with the rule that it was made by. */
export function createJudge(rules: EvidenceRules): Judge<EvidenceState>;
export function createJudge(rules: JudgeRules): Judge<JudgeState>;
export function createJudge(rules: JudgeRules): Judge<LiteralState> | Judge<EvidenceState> {
  switch (rules.rule) {
    case 'literal':
      return literalJudge(rules);
    case 'evidence':
      return evidenceJudge(rules);
  }
}
