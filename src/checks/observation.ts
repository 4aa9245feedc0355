import type { EvidenceLine } from '../domain/index.ts';
import type { Finding } from '../plugin/index.ts';

/** What was looked at, and what is wrong with it. */
export interface Observation {
  readonly evidence: readonly EvidenceLine[];
  readonly problems: readonly Problem[];
}

export interface Problem {
  readonly found: string;
  readonly unblock: string;
}

/** All of it as one finding: nobody should fix one thing just to hear of the next. */
export function findingOf(looked: readonly Observation[], summary: string): Finding {
  const evidence = looked.flatMap((each) => each.evidence);
  const problems = looked.flatMap((each) => each.problems);
  if (problems.length === 0) return { passed: true, summary, evidence };
  return {
    passed: false,
    summary: problems.map(({ found }) => found).join('; '),
    evidence,
    unblock: problems.map(({ unblock }) => unblock).join('; '),
  };
}
