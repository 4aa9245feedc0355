import type { DeploymentTarget, NotificationEvent, RemedyResult } from '../domain/index.ts';
import type { Runbook } from '../runbook/index.ts';
import type { Operation, RunContext } from '../util/index.ts';
import type { MetricSource } from './metric-source.ts';
import type { Notifier } from './notifier.ts';
import type { Finding } from './observation.ts';
import type { Router } from './router.ts';
import type { Workload } from './workload.ts';

export interface CheckContext {
  readonly target: DeploymentTarget;
  readonly operation: Operation;
  readonly run: RunContext;
  /** The whole runbook of the deployment: what it watches, shifts and limits. */
  readonly runbook: Runbook;
  /** What the runbook names, ready to use. */
  readonly workload: Workload;
  readonly router: Router;
  readonly metrics: MetricSource;
  readonly notifiers: readonly NamedNotifier[];
  /** The worker's environment: secrets are read from it by name. */
  readonly env: NodeJS.ProcessEnv;
  /** Green is deployed already, at 0 % of the traffic: the check is made again right before the first shift. */
  readonly greenIsUp: boolean;
  /** The URL of a database that the runbook names, from the worker's environment. Throws, naming the variable. */
  databaseUrl(database: string): string;
}

/** A notifier as messages call it: `notification 1 of 2 (webhook)`. */
export interface NamedNotifier extends Notifier {
  readonly name: string;
  /** The events that it gets; without it, all that are sent. */
  readonly events?: readonly NotificationEvent[] | undefined;
}

/**
 * One item of the checklist: measures the real thing. Returns `passed: false` when what it found is not enough, with
 * what would unblock it; throws when it could not be measured (database unreachable), in words a person can act on.
 * May be run as often as wanted.
 */
export type Check = (context: CheckContext) => Promise<Finding>;

/** What a remedy did; the activity adds when and how long. */
type Fixed = Omit<RemedyResult, 'startedAt' | 'durationMs'>;

/**
 * What may be run when a check fails, so that it passes after. Returns `done: false` when it could not do it, with what
 * stands in the way; throws, in words a person can act on, when it could not even be tried. May be run twice.
 */
export type Remedy = (context: CheckContext) => Promise<Fixed>;
