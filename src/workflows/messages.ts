import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type {
  Action,
  DecisionAnswer,
  DeploymentRequest,
  DeploymentStatus,
  QueuedStart,
  TrainStatus,
} from '../domain/index.ts';

/** Every message takes ONE JSON object, so that the Temporal UI can send it. Scripts import these definitions. */

interface Signed {
  readonly by: string;
  readonly reason?: string;
  readonly decisionId?: string;
}

/** `gate` defends against answering a question that is no longer asked. */
export interface GateDecision extends Signed {
  readonly gate?: string;
}

export interface CheckDecision extends Signed {
  readonly check: string;
}

/** Without `check`: all that have not passed. With `remedy`, what the runbook names for it is run first; `by` is then a must. */
export interface Recheck extends Partial<Signed> {
  readonly check?: string;
  readonly remedy?: boolean;
}

/** Here the reason is a must. */
export interface Reasoned extends Signed {
  readonly reason: string;
}

export type DecideInput = { readonly action: Action } & Signed & {
    readonly gate?: string;
    readonly check?: string;
    readonly remedy?: boolean;
  };

export const status = defineQuery<DeploymentStatus>('status');
export const approve = defineSignal<[GateDecision]>('approve');
export const reject = defineSignal<[GateDecision]>('reject');
export const abort = defineSignal<[GateDecision]>('abort');
export const waive = defineSignal<[CheckDecision]>('waive');
export const attest = defineSignal<[CheckDecision]>('attest');
export const recheck = defineSignal<[Recheck]>('recheck');
export const retryRollback = defineSignal<[Signed]>('retryRollback');
export const acceptRecovery = defineSignal<[Reasoned]>('acceptRecovery');
export const overrideFreeze = defineSignal<[Reasoned]>('overrideFreeze');
/** Ends a freeze. */
export const thaw = defineSignal<[Signed]>('thaw');
/** To a queue; `id` is the sender's own: the same id counts once. */
export interface Enqueue {
  readonly id: string;
  readonly request: DeploymentRequest;
  /** Not before; epoch milliseconds. */
  readonly at?: number;
  /** Instead of all that are queued. */
  readonly replaceQueued?: boolean;
}
export const enqueue = defineSignal<[Enqueue]>('enqueue');
export const removeQueued = defineUpdate<QueuedStart | undefined, [{ readonly id: string }]>('removeQueued');
export const decide = defineUpdate<DecisionAnswer, [DecideInput]>('decide');

/** Of a train: `abort` is the only decision about the whole; the others are about one of its deployments. */
export type TrainDecision = { readonly action: 'abort' } & Signed;
export const trainStatus = defineQuery<TrainStatus>('status');
export const decideTrain = defineUpdate<DecisionAnswer, [TrainDecision]>('decide');

/** What the Temporal UI shows beside each message of a train. */
export const TRAIN_DESCRIPTION = {
  status: 'The whole train: its phase, and the state of each deployment by stage.',
  abort:
    'Abort every deployment that runs, and roll back or keep what has completed, as the train file says: {"by":"ana","reason":"..."}.',
  decide: 'The same, answered at once: {"action":"abort","by":"ana","reason":"..."}.',
} as const;

/** What the Temporal UI shows beside each message. */
export const DESCRIPTION = {
  status: 'The whole deployment: phase, checks with evidence, soak and its windows, gate, decisions, rollback.',
  approve:
    'Approve the open gate: {"by":"ana"}; optional reason, gate, decisionId. Counts once the soak is proven healthy.',
  reject: 'Reject and roll back: {"by":"ana","reason":"..."}; optional gate, decisionId.',
  abort: 'End the deployment in any phase and roll back what was changed: {"by":"ana","reason":"..."}.',
  waive: 'Go on although a non-critical check failed: {"check":"load-test","by":"ana","reason":"..."}.',
  attest: 'Confirm a check that only a person can confirm: {"check":"load-test","by":"ana"}.',
  recheck:
    'Measure again every check that has not passed: {"by":"ana"}; optional check. With "remedy":true what the runbook names to fix it is run first.',
  retryRollback: 'Start the next round of the rollback. It ends the running one, but never two in a row: {"by":"ana"}.',
  acceptRecovery:
    'End a rollback whose traffic is read back on blue without the proof that blue is healthy: {"by":"ana","reason":"..."}.',
  overrideFreeze:
    'Go on although a freeze holds the deployment, where the runbook lets you: {"by":"ana","reason":"..."}.',
  decide:
    'The same decisions, answered at once: {"action":"approve","by":"ana"}; action is approve, reject, abort, waive, attest, recheck, retryRollback, acceptRecovery or overrideFreeze.',
} as const;

/** The same, of a queue. */
export const QUEUE_DESCRIPTION = {
  enqueue:
    'Queue a deployment: {"id":"mine","request":{"service":"shop","version":"2.5.0"}}; optional at (epoch milliseconds), replaceQueued.',
  removeQueued: 'Remove one that is queued: {"id":"mine"}.',
} as const;

/** The same, of a freeze. */
export const FREEZE_DESCRIPTION = { thaw: 'End the freeze: {"by":"ana"}; optional reason.' } as const;
