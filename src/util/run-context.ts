/** One side effect. The id is the same for every attempt (invariant 9); a later attempt supersedes earlier ones. */
export interface Operation {
  /** `<workflowId>/<originalExecutionRunId>/<step>` */
  readonly id: string;
  readonly attempt: number;
}

/** How an adapter shows that it is alive and learns that it should stop. */
export interface RunContext {
  readonly signal: AbortSignal;
  /** Called every second or two while something runs. */
  readonly heartbeat: (detail: unknown) => void;
}
