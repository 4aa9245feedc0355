export const ACTIONS = [
  'approve',
  'reject',
  'abort',
  'waive',
  'attest',
  'recheck',
  'retryRollback',
  'acceptRecovery',
  'overrideFreeze',
] as const;

export type Action = (typeof ACTIONS)[number];

/** What a person sends to a deployment. `by` is the sender's claim, unless the gate asks for `identity: principal`. */
export interface Decision {
  readonly action: Action;
  readonly by: string;
  readonly reason?: string;
  /** The gate it is meant for; without it, the one that is open. */
  readonly gate?: string;
  /** The check it is about: `waive` and `attest`; `recheck` without it means all that have not passed. */
  readonly check?: string;
  /** `recheck` runs the remedy of what has failed first. */
  readonly remedy?: true;
  /** The same id counts once, however often and by whatever way it arrives. */
  readonly decisionId?: string;
}

export interface DecisionRecord extends Decision {
  readonly at: number;
  readonly taken: boolean;
  /** Why it was not taken. */
  readonly why?: string;
}

/** The answer to the person who decided. */
export interface DecisionAnswer {
  readonly taken: boolean;
  readonly why?: string;
  /** Taken, but others have to decide the same before anything happens. */
  readonly missing?: string;
  /** A worker has to confirm it first. */
  readonly pending?: true;
}
