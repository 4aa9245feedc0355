import type { RollbackCause, RollbackStatus, StepStatus } from './status.ts';

/** What the rollback cut short: a soak that was not proven healthy yet, or the wait at the gate after it. */
export interface CutShort {
  readonly during: 'soak' | 'gate';
  readonly cause: RollbackCause;
  /** The cause in words: `a breach`, `the rollback (aborted)`. */
  readonly by: string;
  readonly at: number;
}

/** How the rollback ended this step; undefined for a step that came to its own end. `steps`: those begun, in order. Pure. */
export function cutShort(
  step: StepStatus,
  { steps, rollback }: { readonly steps: readonly StepStatus[]; readonly rollback?: RollbackStatus },
): CutShort | undefined {
  if (!rollback || step !== steps.at(-1)) return undefined;
  const { cause, detectedAt: at } = rollback;
  const by = cause === 'breach' ? 'a breach' : `the rollback (${cause})`;
  if (step.provenAt === undefined) return { during: 'soak', cause, by, at };
  return step.gate && step.gate.passedAt === undefined ? { during: 'gate', cause, by, at } : undefined;
}
