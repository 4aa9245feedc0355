import type { DecisionRecord } from './decision.ts';

/**
 * A train: deployments of several services, or of one service in several places, in stages. Pure: the workflow bundle contains
 * this file. Times are epoch milliseconds.
 */

/** The default of `onRollback` is none: a train file says which of them it wants. */
type OnRollback = 'roll-back-all' | 'stop';

/** What a client sends: a train file as it is written, with lengths such as `30m`, and who asks. */
export interface TrainRequest {
  readonly name: string;
  readonly reason?: string | undefined;
  readonly requestedBy?: string | undefined;
  readonly onRollback: OnRollback;
  readonly stages: readonly {
    readonly name: string;
    readonly deployments: readonly {
      readonly service: string;
      readonly version: string;
      readonly environment?: string | undefined;
      readonly taskQueue?: string | undefined;
    }[];
    readonly pause?: string | undefined;
  }[];
}

/** The checked train. */
export interface TrainPlan {
  readonly name: string;
  readonly reason?: string;
  readonly requestedBy?: string;
  readonly onRollback: OnRollback;
  readonly stages: readonly PlannedStage[];
}

interface PlannedStage {
  readonly name: string;
  readonly deployments: readonly PlannedDeployment[];
  /** Between this stage and the next one. */
  readonly pauseMs?: number;
}

export interface PlannedDeployment {
  readonly service: string;
  readonly environment: string;
  readonly version: string;
  /** Where it is not the train's own. */
  readonly taskQueue?: string;
}

/**
 * The last four are how a train ends. `rolled-back`: nothing that it deployed serves any more. `stopped`: not all is deployed, and
 * something that it deployed stays. `refused`: nothing was deployed.
 */
export type TrainPhase =
  | 'planning'
  | 'deploying'
  | 'pausing'
  | 'rolling-back'
  | 'completed'
  | 'rolled-back'
  | 'stopped'
  | 'refused';

/**
 * `refused`: nothing was deployed; `cancelled`: its workflow was cancelled, and what it had changed was rolled back; `terminated`:
 * by force, the traffic may be anywhere; `rolling-back` and `not-rolled-back`: by the train, after it had completed; `left-to-another`: the
 * train was to roll it back, and another deployment or rollback of it was running.
 */
export type TrainDeploymentState =
  | 'waiting'
  | 'running'
  | 'completed'
  | 'rolled-back'
  | 'refused'
  | 'cancelled'
  | 'terminated'
  | 'rolling-back'
  | 'not-rolled-back'
  | 'left-to-another';

export interface TrainDeployment extends PlannedDeployment {
  /** Of the deployment, and of its rollback by the train. */
  readonly workflowId: string;
  readonly state: TrainDeploymentState;
  readonly runId?: string;
  /** Of the rollback that the train started after it had completed. */
  readonly rollbackRunId?: string;
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** In one sentence. */
  readonly outcome?: string;
}

interface TrainStage {
  readonly name: string;
  readonly pauseMs?: number;
  readonly deployments: readonly TrainDeployment[];
}

/** The answer of the query `status`, and the result of a train that has ended. */
export interface TrainStatus {
  readonly name: string;
  readonly reason?: string;
  readonly requestedBy?: string;
  readonly onRollback?: OnRollback;
  readonly phase: TrainPhase;
  readonly phaseSince: number;
  readonly startedAt: number;
  /** The stage that is deployed, or that the pause follows. */
  readonly stage?: string;
  /** When the pause ends. */
  readonly until?: number;
  readonly stages: readonly TrainStage[];
  /** Who ended the train early, and why. */
  readonly ending?: { readonly cause: 'aborted' | 'cancelled'; readonly by: string; readonly reason?: string };
  /** The decision that was taken, if any. */
  readonly decisions: readonly DecisionRecord[];
  /** How many messages were not taken. */
  readonly ignored: number;
  /** How it ended, in one sentence or two. */
  readonly outcome?: string;
}

const PREFIX = 'blue-green-train/';

/** The workflow id of a train. */
export function trainWorkflowId(name: string): string {
  return `${PREFIX}${name}`;
}

/** The name in a train's workflow id; a Schedule appends the time to it. */
export function trainNameIn(workflowId: string): string {
  return workflowId.startsWith(PREFIX) ? workflowId.slice(PREFIX.length) : workflowId;
}

export function isTrainOver({ phase }: Pick<TrainStatus, 'phase'>): boolean {
  return phase === 'completed' || phase === 'rolled-back' || phase === 'stopped' || phase === 'refused';
}

export function deploymentsOf({ stages }: Pick<TrainStatus, 'stages'>): TrainDeployment[] {
  return stages.flatMap(({ deployments }) => deployments);
}

/** The first deployment that went wrong by itself. */
export function failureOf(status: TrainStatus): TrainDeployment | undefined {
  return deploymentsOf(status)
    .filter(
      ({ state }) => state === 'rolled-back' || state === 'refused' || state === 'cancelled' || state === 'terminated',
    )
    .sort((one, other) => (one.endedAt ?? 0) - (other.endedAt ?? 0))[0];
}

/** No further deployment starts. */
export function isEnding(status: TrainStatus): boolean {
  return status.ending !== undefined || failureOf(status) !== undefined;
}

/** Who aborts the deployments that run, and why; nothing while they may go on. */
export function abortOfDeployments(status: TrainStatus): { readonly by: string; readonly reason: string } | undefined {
  const { ending, name, onRollback } = status;
  if (ending) return { by: ending.by, reason: `The train ${name} was ${ending.cause}${because(ending.reason)}` };
  const failed = failureOf(status);
  if (!failed || onRollback !== 'roll-back-all') return undefined;
  return {
    by: `train ${name}`,
    reason: `${wordsOf(failed)} ${STATE_WORDS[failed.state]}, and the train rolls back all`,
  };
}

export function wordsOf({ service, version, environment }: PlannedDeployment): string {
  return `${service} ${version} in ${environment}`;
}

/** With the deployment before it, as a sentence. */
export const STATE_WORDS: Readonly<Record<TrainDeploymentState, string>> = {
  waiting: 'was not started',
  running: 'is running',
  completed: 'completed',
  'rolled-back': 'was rolled back',
  refused: 'was refused',
  cancelled: 'was cancelled',
  terminated: 'was terminated',
  'rolling-back': 'is being rolled back',
  'not-rolled-back': 'completed and could not be rolled back',
  'left-to-another': 'completed, and the train did not roll it back: another deployment or rollback of it was running',
};

export function because(reason: string | undefined): string {
  return reason === undefined ? '' : `: ${reason}`;
}
