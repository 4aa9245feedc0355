import type { CheckResult, EvidenceLine } from '../domain/index.ts';

/** What a check finds; the activity adds when and how long. */
export type Finding = Omit<CheckResult, 'checkedAt' | 'durationMs'>;

/** What was measured, and what is wrong with it. */
export interface Observation {
  readonly evidence: readonly EvidenceLine[];
  readonly problems: readonly Problem[];
}

/** Something that is wrong, and what a person can do about it. */
export interface Problem {
  readonly found: string;
  readonly unblock: string;
}

/** All of it as one finding: nobody should fix one thing just to hear of the next. */
export function findingOf(observations: readonly Observation[], summary: string): Finding {
  const evidence = observations.flatMap((each) => each.evidence);
  const problems = observations.flatMap((each) => each.problems);
  if (problems.length === 0) return { passed: true, summary, evidence };
  return {
    passed: false,
    summary: problems.map(({ found }) => found).join('; '),
    evidence,
    unblock: joined(problems.map(({ unblock }) => unblock)),
  };
}

/** In one line, but what has lines of its own, such as YAML to paste, is left whole. */
function joined(texts: readonly string[]): string {
  return texts.reduce((all, text) => `${all}${/\n/.test(all + text) ? '\n' : '; '}${text}`);
}
