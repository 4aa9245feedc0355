import type { CheckResult, DeploymentTarget } from '../domain/index.ts';
import type { Runbook } from '../runbook/index.ts';
import type { Operation, RunContext } from '../util/index.ts';

/** What a check finds; the activity adds when and how long. */
export type Finding = Omit<CheckResult, 'checkedAt' | 'durationMs'>;

export interface CheckContext {
  readonly target: DeploymentTarget;
  readonly operation: Operation;
  readonly attendance: RunContext;
  /** The whole runbook of the deployment: what it watches, shifts and limits. */
  readonly runbook: Runbook;
  /** The worker's environment: secrets are read from it by name. */
  readonly env: NodeJS.ProcessEnv;
  /** Green is deployed already, at 0 % of the traffic: the check is made again right before the first shift. */
  readonly greenIsUp: boolean;
  /** The URL of a database that the runbook names, from the worker's environment. Throws, naming the variable. */
  databaseUrl(database: string): string;
}

/**
 * One item of the checklist: measures the real thing. Returns `passed: false` when what it found is not enough, with
 * what would unblock it; throws when it could not be measured (database unreachable), in words a person can act on.
 * May be run as often as wanted.
 */
export type Check = (context: CheckContext) => Promise<Finding>;
