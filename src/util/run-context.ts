/** One side effect. The id is the same for every attempt (invariant 9); a later attempt supersedes earlier ones. */
export interface Operation {
  /** `<workflowId>/<originalExecutionRunId>/<step>` */
  readonly id: string;
  readonly attempt: number;
}

/** How an adapter shows that it is alive and learns that it should stop. */
export interface RunContext {
  /** Its reason is a `TookTooLong` where the time for a check or a remedy is over. */
  readonly signal: AbortSignal;
  /** Called every second or two while something runs, with a `Progress`, so that people see what it does. */
  readonly heartbeat: (detail: unknown) => void;
}
