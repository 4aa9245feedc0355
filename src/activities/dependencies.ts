import type { RunbookStore } from '../runbook/store.ts';

/** What a worker gives its activities; everything else follows from the runbook. */
export interface Dependencies {
  readonly runbooks: RunbookStore;
  /** Where secrets are read from, by name. */
  readonly env: NodeJS.ProcessEnv;
}
