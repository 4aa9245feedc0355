import type { WorkerOptions } from '@temporalio/worker';

/** Traces of the deployments, sent to a collector while the worker runs. */
export interface Tracing {
  readonly plugins: NonNullable<WorkerOptions['plugins']>;
  /** Sends what is left; gives up soon when nobody takes it. */
  stop(): Promise<void>;
}
