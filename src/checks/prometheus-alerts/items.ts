import type { EvidenceLine } from '../../domain/index.ts';
import type { Finding } from '../../plugin/index.ts';

/** One condition: what was measured, and what is missing for it to hold. */
export interface Item {
  readonly line: EvidenceLine;
  readonly missing?: Missing;
}

interface Missing {
  /** A few words for the summary. */
  readonly says: string;
  readonly unblock: string;
}

/** Everything that is missing in one finding: nobody should fix one thing just to hear of the next. */
export function findingOf(items: readonly Item[], summary: string): Finding {
  const evidence = items.map(({ line }) => line);
  const missing = items.flatMap((item) => item.missing ?? []);
  if (missing.length === 0) return { passed: true, summary, evidence };
  return {
    passed: false,
    summary: distinct(missing.map(({ says }) => says)).join('; '),
    evidence,
    unblock: distinct(missing.map(({ unblock }) => unblock)).join('; '),
  };
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
