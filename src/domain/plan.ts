/**
 * The plain types that travel between client, workflow and activities. Pure: the workflow bundle contains this file.
 * Times are epoch milliseconds, lengths are milliseconds, shares are fractions from 0 to 1, percentages 0 to 100.
 */

import type { JudgeRules } from '../judge/index.ts';
import type { FreezePlan } from './freeze.ts';
import type { NotificationEvent } from './notification-events.ts';
import type { SearchAttribute } from './search-attributes.ts';

/** The environment a request means when it names none: the guide's. */
export const DEFAULT_ENVIRONMENT = 'production';

/**
 * So much longer than the runbook gives to a command, or to a check, has the activity around it: time to end what does
 * not heed SIGTERM and to look once more. Without it Temporal would time the activity out in the same moment and begin it
 * anew, and a person would read that time ran out instead of why.
 */
export const ANSWER_MS = 20_000;

/** What a person starts a deployment with. It can name things, never say how to act on them (invariant 2). */
export interface DeploymentRequest {
  readonly service: string;
  readonly version: string;
  readonly environment?: string;
  readonly requestedBy?: string;
  readonly reason?: string;
  /** Ends after the checklist: nothing is deployed, and no traffic is shifted. */
  readonly checklistOnly?: boolean;
  /** Why this deployment may start in a freeze: `requestedBy` overrides it, if the runbook lets them. */
  readonly overrideFreeze?: string;
}

/** What a person starts a rollback with, after a deployment that has ended. It names no version: the last deployment's record does. */
export interface RollbackRequest {
  readonly service: string;
  readonly environment?: string;
  readonly requestedBy?: string;
  readonly reason: string;
  /** Begins although blue fails its health check. */
  readonly force?: boolean;
  /** Goes by the runbook as it is now, not as it was for the deployment. */
  readonly currentRunbook?: boolean;
  /** The newest run under the workflow id, as the client found it; without it, the newest in Temporal's list. */
  readonly run?: string;
}

/**
 * The workflow id, which is the lock: one deployment per service and environment (invariant 13). A `/` in a name, as in
 * `team/checkout`, is written `~`, which no name holds: two names never share an id.
 */
export function deploymentWorkflowId(service: string, environment: string = DEFAULT_ENVIRONMENT): string {
  return ['blue-green', environment, service].map((name) => name.replaceAll('/', '~')).join('/');
}

/** The id of the workflow that keeps blue after a completed deployment: one per service and environment. */
export function keepBlueWorkflowId(service: string, environment: string): string {
  return deploymentWorkflowId(service, environment).replace('blue-green/', 'blue-green-keep-blue/');
}

/** The names in a workflow id of a deployment; nothing in another id. */
export function addressInId(
  workflowId: string,
): { readonly service: string; readonly environment: string } | undefined {
  const [, environment, service] = (/^blue-green\/([^/]+)\/([^/]+)$/.exec(workflowId) ?? []).map((name) =>
    name.replaceAll('~', '/'),
  );
  return service === undefined || environment === undefined ? undefined : { service, environment };
}

/** What every activity needs to know to act on the right thing. `digest` names the runbook as it was at the start. */
export interface DeploymentTarget {
  /** `<workflowId>/<run id>` of the run that made the plan; it survives a reset, so operation ids start with it. */
  readonly deployment: string;
  readonly service: string;
  readonly environment: string;
  /** The version that serves when the deployment starts. */
  readonly blue: string;
  /** The new version. */
  readonly green: string;
  /** SHA-256 (hex) of the normalised runbook; activities act by this very runbook, whatever was edited since. */
  readonly digest: string;
}

/** What a gate asks for. */
export interface Approval {
  /** How many different people have to approve. */
  readonly required: number;
  readonly timeoutMs: number;
  /** `wait`: the gate stays open. */
  readonly onTimeout: 'rollback' | 'wait';
  /** How often people are reminded while it is open; without it, never. */
  readonly remindEveryMs?: number;
  /** Names, and `group:NAME`; without it, anybody may approve. */
  readonly approvers?: readonly string[];
  /** Who requested the deployment may not approve it. */
  readonly notRequester?: true;
  /** How many different people have to reject before it is rolled back; without it, one. */
  readonly rejections?: number;
  /** An approval counts only if the server recorded who sent it, and that is `by`; without it, `by` is believed. */
  readonly identity?: 'principal';
}

/** One entry of the traffic plan. `approval` opens a gate before the next step. */
export interface TrafficStep {
  readonly percentage: number;
  readonly soakMs: number;
  readonly approval?: Approval;
}

/** One item of the checklist as the workflow sees it; how it is checked stays on the worker. */
export interface PlannedCheck {
  readonly id: string;
  readonly title: string;
  readonly group: string;
  readonly critical: boolean;
  /** `person`: only `attest` passes it; `worker`: the activity `runCheck` measures it. */
  readonly checkedBy: 'worker' | 'person';
  /** What exactly a person confirms, where a person does. */
  readonly statement?: string;
  /** Bound of the activity: the runbook's time-out and `ANSWER_MS`. */
  readonly timeoutMs: number;
  /** What may be run when it fails: `automatic` ones once by themselves, others when a person says so. */
  readonly remedy?: { readonly automatic: boolean; readonly timeoutMs: number };
  /** Cheap enough to be measured again right before the first shift, since the checklist may be an hour old. */
  readonly again?: true;
}

/** The runbook as the workflow follows it: normalised, every default filled in, nothing that can act. */
export interface DeploymentPlan {
  readonly target: DeploymentTarget;
  /** `timeoutMs` bounds the whole wait for the checklist. */
  readonly checklist: { readonly checks: readonly PlannedCheck[]; readonly timeoutMs: number };
  /** Measured on green at 0 % of the traffic, together with the checks that are measured again. */
  readonly verifyGreen: readonly PlannedCheck[];
  /** Bound of the activity: the runbook's time-out and `ANSWER_MS`; so in `shift` and `rollback`. */
  readonly deploy: { readonly timeoutMs: number };
  readonly shift: { readonly timeoutMs: number };
  readonly traffic: readonly TrafficStep[];
  readonly judge: JudgeRules;
  readonly watch: {
    readonly pollMs: number;
    /** Longest window while soaking; its verdict is written in the history. */
    readonly windowMs: number;
    /** Longest window while a person thinks. */
    readonly gateWindowMs: number;
    /** How late a window may end for want of a worker; and how long a worker that is back may take to read what it missed. */
    readonly maxUnwatchedMs: number;
    /** A soak that is not proven healthy in its time is extended up to this many times its length in all. */
    readonly maxSoakFactor: number;
    /**
     * What happens when the judge's budget without metrics, or with blue over a limit itself, is spent; `timeoutMs` bounds the
     * wait for a person. Only with the rule `sequential`.
     */
    readonly undecided?: { readonly action: 'wait' | 'rollback'; readonly timeoutMs: number };
  };
  readonly rollback: {
    /** Bound of the rollback command with its read-back. */
    readonly timeoutMs: number;
    /** Bound of one round: command, read-back and blue's proof of health. */
    readonly roundMs: number;
    /** Green runs on until blue is proven healthy: the health check of blue fails, and a person goes back to it all the same. */
    readonly keepsGreen?: true;
    /** Longest pause between rounds; a person may cut it short with `retryRollback`. */
    readonly pauseMs: number;
    /** How long traffic is watched after the recovery for a late command that moves it. */
    readonly guardMs: number;
  };
  readonly recovery: { readonly targetMs: number };
  /** How long blue runs on after a completed deployment, until it is retired. Without it, nothing retires blue. */
  readonly keepBlueMs?: number;
  /** The events that the runbook's channels ask for. Missing from deployments that began before events had names. */
  readonly notificationEvents?: readonly NotificationEvent[];
  readonly freeze?: FreezePlan;
  /** The search attributes that may be set; without it, all. The others go into the memo. */
  readonly searchAttributes?: readonly SearchAttribute[];
}

/** One piece of evidence: what was measured, what was found, what is required, and the source. */
export interface EvidenceLine {
  readonly what: string;
  readonly measured: string;
  readonly required?: string;
  readonly source?: string;
}

export interface CheckResult {
  readonly passed: boolean;
  /** One sentence for a tired person: what was found against what is required. */
  readonly summary: string;
  readonly evidence: readonly EvidenceLine[];
  /** What would make it pass; present when it did not. */
  readonly unblock?: string;
  /** It could not be measured, for example because the database is down. This is not a measured failure. */
  readonly unmeasured?: true;
  /** Migrations of this release that a rollback does not undo. */
  readonly forwardOnly?: readonly string[];
  readonly checkedAt: number;
  readonly durationMs: number;
}

/** What a remedy did. */
export interface RemedyResult {
  readonly done: boolean;
  readonly summary: string;
  /** The end of what it printed, redacted. */
  readonly output?: string;
  readonly startedAt: number;
  readonly durationMs: number;
}

/** Counts as people and programs get them: what is not measured is null, not 0. */
export interface MeasuredCounts {
  readonly requests: number;
  readonly failed: number;
  /** Null without a latency limit. */
  readonly slow: number | null;
  /** Those whose duration was counted, of which some are slow. Missing: all of them. */
  readonly timed?: number;
}

export interface LiveCounts extends MeasuredCounts {
  /** Mean latency in milliseconds; null without a latency metric, and without requests. */
  readonly meanMs: number | null;
}

const FIRST_EXTENSION_POLLS = 4;

/** By how much a soak without proof is extended after so many extensions: a few polls, then twice as much, up to a window. */
export function extensionMs(extensions: number, { pollMs, windowMs }: DeploymentPlan['watch']): number {
  return Math.min(FIRST_EXTENSION_POLLS * pollMs * 2 ** extensions, windowMs);
}
