import type { Freeze, Principals, SearchAttribute } from '../domain/index.ts';
import type { Registry } from '../plugin/index.ts';
import type { ReportStore } from '../report/index.ts';
import type { RunbookStore } from '../runbook/index.ts';
import type { PastRun } from '../temporal/index.ts';

/** What a worker gives its activities; everything else follows from the runbook. */
export interface Dependencies {
  readonly runbooks: RunbookStore;
  readonly reports: ReportStore;
  /** The kinds that runbooks may name. */
  readonly registry: Registry;
  /** Where secrets are read from, by name. */
  readonly env: NodeJS.ProcessEnv;
  /** The search attributes that are registered now; without it, all are taken to be. */
  readonly searchAttributes?: () => Promise<readonly SearchAttribute[]>;
  /** Who started a deployment, and who sent its signals of a name, as the server authenticated them: for `identity: principal`. */
  readonly principals?: (
    own: { readonly workflowId: string; readonly runId: string },
    signalName: string,
  ) => Promise<Principals>;
  /** The freezes that people have made; without it, there are none. Rejects when nobody can say. */
  readonly stoppedLine?: (whole: {
    readonly service: string;
    readonly environment: string;
  }) => Promise<readonly Freeze[]>;
  /** Whether a workflow runs. Rejects when nobody can say. */
  readonly isRunning?: (workflowId: string) => Promise<boolean>;
  /** The id of the parent workflow whose end would terminate this one; without it, no parent is searched. */
  readonly terminatingParent?: (own: {
    readonly workflowId: string;
    readonly runId: string;
  }) => Promise<string | undefined>;
  /** The earlier runs under a workflow id; without it, nothing can be rolled back after its end. */
  readonly pastRuns?: (of: {
    readonly workflowId: string;
    readonly newest?: string | undefined;
  }) => AsyncIterable<PastRun>;
  /** Ends the newest run under a workflow id, and resolves with its result if it has one. Without it, no blue is retired. */
  readonly endRun?: (one: {
    readonly workflowId: string;
    readonly reason: string;
    readonly signal: AbortSignal;
  }) => Promise<unknown>;
}
