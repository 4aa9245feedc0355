import type { JudgeRules } from '../judge/index.ts';
import type {
  BlueRecovered,
  ResolvedRollback,
  RetiredBlue,
  RollbackInput,
  TrafficRestored,
  WatchInput,
  WatchState,
  WindowResult,
} from './activity-results.ts';
import type { Freeze } from './freeze.ts';
import type { ConfirmedApprovals, PendingApproval } from './gate.ts';
import type { MetricCursor } from './metric-cursor.ts';
import type { Notification, NotificationReferences } from './notification.ts';
import type {
  Approval,
  CheckResult,
  DeploymentPlan,
  DeploymentRequest,
  DeploymentTarget,
  EvidenceLine,
  RemedyResult,
  RollbackRequest,
} from './plan.ts';
import type { DeploymentReport } from './report.ts';
import type { TrainPlan, TrainRequest } from './train.ts';

export interface ReportInput {
  /** `<workflowId>/<run id>`: as in the target, where there was one. */
  readonly deployment: string;
  readonly report: DeploymentReport;
}

/** What a queue of deployments asks of the world. */
export interface QueueActivities {
  /** Returns when no workflow with this id runs. Until then every attempt throws, to be tried again. */
  awaitFree(input: { readonly workflowId: string }): Promise<void>;
}

/** Everything the workflow asks of the world. Each may run twice; each says below how it fails. */
export interface Activities {
  /** Loads and validates the runbook and the request, finds blue. Throws `InvalidRequest`, final. */
  resolvePlan(request: DeploymentRequest): Promise<DeploymentPlan>;
  /**
   * Finds what the last deployment changed, and whether going back is possible: the traffic is on its versions, and blue runs and
   * is healthy. Ends the wait that would retire blue. Throws `InvalidRequest`, final, with what to do instead.
   */
  resolveRollback(request: RollbackRequest): Promise<ResolvedRollback>;
  /** Stops blue after its time, unless it has traffic. Throws `CommandFailed`, final. */
  retireBlue(input: { readonly target: DeploymentTarget }): Promise<RetiredBlue>;
  /** Measures one check. A failed check, and one that could not be measured, are values; errors are lost workers. */
  runCheck(input: {
    readonly target: DeploymentTarget;
    readonly checkId: string;
    /** Green is deployed already, with its pool open: right before the first shift. */
    readonly greenIsUp?: boolean;
  }): Promise<CheckResult>;
  /** Runs what the runbook names to fix a check that failed. A remedy that did not help is a value, too. */
  runRemedy(input: { readonly target: DeploymentTarget; readonly checkId: string }): Promise<RemedyResult>;
  /**
   * The metrics can be read and judged; the watch state is the counters of this moment, from which the first soak counts. Throws
   * `MetricsUnusable`, final, when they are not usable or have nothing fresh within `timeoutMs`.
   */
  readBaseline(input: {
    readonly target: DeploymentTarget;
    readonly rules: JudgeRules;
    readonly timeoutMs: number;
    /** The first shift comes next. */
    readonly beforeShift?: true;
  }): Promise<{ readonly watchState: WatchState }>;
  /** Green runs at 0 % and answers its health check. */
  deployGreen(input: {
    readonly target: DeploymentTarget;
    readonly timeoutMs: number;
  }): Promise<{ readonly evidence: readonly EvidenceLine[] }>;
  /**
   * Green gets `percentage` of the traffic, read back. Throws `CommandFailed` or `NotInEffect`, final; and `Frozen`, final, with
   * the freezes as details, before anything is shifted.
   */
  shiftTraffic(input: {
    readonly target: DeploymentTarget;
    readonly percentage: number;
    readonly timeoutMs: number;
    /** How often somebody else had moved it meanwhile: an operation of its own each time. */
    readonly again?: number;
    /** The ids of freezes that do not count. */
    readonly overriddenFreezes?: readonly string[];
  }): Promise<{ readonly shiftedAt: number; readonly evidence: readonly EvidenceLine[] }>;
  /**
   * Returns the freezes that hold now, without those that do not count, as soon as they are others than the `known` ones: none
   * when all have ended. Until then every attempt throws `Frozen`, to be tried again.
   */
  awaitThaw(input: {
    readonly target: DeploymentTarget;
    /** Ids. */
    readonly known: readonly string[];
    readonly overriddenFreezes: readonly string[];
  }): Promise<readonly Freeze[]>;
  /** Watches one window and returns its verdict as a value, also when asked to close early by cancellation. */
  watchWindow(input: WatchInput): Promise<WindowResult>;
  /**
   * All traffic back on blue and green stopped, read back. Throws when that did not happen. `cursor`: where the metrics were when
   * they showed that green gets no requests, if that was asked of them. `greenRuns`: it still gets some, so it was not stopped.
   */
  restoreTraffic(
    input: RollbackInput,
  ): Promise<TrafficRestored & { readonly cursor?: MetricCursor; readonly greenRuns?: true }>;
  /**
   * Waits until blue proves healthy over fresh requests that all go to blue, or until little traffic and its health check
   * have to do: `accepted` says so. Throws when neither comes in its time.
   */
  verifyRecovery(
    input: RollbackInput & { readonly restoredAt: number; readonly since?: MetricCursor },
  ): Promise<BlueRecovered>;
  /** Watches until `until` that no late command moves the traffic; `moved` says what was seen if one did. */
  guardTraffic(input: RollbackInput): Promise<{ readonly moved?: string }>;
  /**
   * Which of these approvals count, by the groups as they are now and by the senders that the server recorded. Groups or a history
   * that cannot be read are a `problem`, as a value.
   */
  confirmApprovals(
    input: Pick<Approval, 'approvers' | 'identity' | 'notRequester'> & {
      readonly target: DeploymentTarget;
      readonly approvals: readonly PendingApproval[];
    },
  ): Promise<ConfirmedApprovals>;
  /**
   * Notifies people. Takes what channels kept before, and answers what they keep now, if anything. Throws `NotificationFailed`,
   * with the same as its details, when a channel did not get it; never worth failing a deployment for.
   */
  notify(
    notification: Notification & { readonly references?: NotificationReferences },
  ): Promise<{ readonly references: NotificationReferences } | undefined | void>;
  /** Writes the report of a deployment that has ended, as HTML, JSON and Markdown. Throws when it cannot be kept. */
  writeReport(input: ReportInput): Promise<{
    /** The folder, in the workers' state. */
    readonly where: string;
  }>;
  /** Validates a train. Throws `InvalidRequest`, final. */
  planTrain(request: TrainRequest): Promise<TrainPlan>;
  /** The runbook of a deployment is there. Throws `InvalidRequest`, final, where it is not. */
  findRunbook(deployment: { readonly service: string; readonly environment: string }): Promise<void>;
}
