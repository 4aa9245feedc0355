import type { WorkerOptions } from '@temporalio/worker';

/** How a worker of ours differs from the SDK's defaults, and why. */
export const WORKER_OPTIONS = {
  /** A decision or a breach must not wait for a worker that died holding the workflow: the default is ten seconds. */
  stickyQueueScheduleToStartTimeout: 2_000,
  /** Cancellation reaches an activity with its next heartbeat; the default may hold one back for a minute. */
  maxHeartbeatThrottleInterval: 2_000,
  defaultHeartbeatThrottleInterval: 2_000,
  /** Time for commands to end with their evidence when the worker stops. */
  shutdownGraceTime: 1_000,
  /**
   * A plugin that ignores its signal would keep the worker from stopping for ever. Handing over a thousand watches takes 50 s: see the
   * turns of `src/activities`.
   */
  shutdownForceTime: 60_000,
  /**
   * A watch is an activity that runs as long as its soak. With the default of 100 the watches of 100 deployments would
   * keep the rollback of one of them waiting.
   */
  maxConcurrentActivityTaskExecutions: 2_000,
} as const satisfies Partial<WorkerOptions>;
