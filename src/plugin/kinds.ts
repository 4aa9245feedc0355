import type { DeploymentTarget } from '../domain/index.ts';
import type { Limits } from '../judge/index.ts';
import type {
  CheckConfig,
  CheckSchema,
  MetricsConfig,
  MetricsSchema,
  NotificationConfig,
  NotificationSchema,
  RouterConfig,
  RouterSchema,
  RunbookParts,
  WorkloadConfig,
  WorkloadSchema,
} from '../runbook/index.ts';
import type { Check, Remedy } from './check.ts';
import type { MetricSource } from './metric-source.ts';
import type { Notifier } from './notifier.ts';
import type { Router, Slots } from './router.ts';
import type { Workload } from './workload.ts';

/** The part of a logger that kinds need. */
export interface Logger {
  info(message: string, attributes?: Record<string, unknown>): void;
  warn(message: string, attributes?: Record<string, unknown>): void;
  error(message: string, attributes?: Record<string, unknown>): void;
}

/** What the factory of a kind gets beside its part of the runbook. */
export interface KindContext {
  /** The deployment. Where it is not yet known which version serves, `blue` is empty. */
  readonly target: DeploymentTarget;
  /** The worker's environment: secrets are read from it by name. */
  readonly env: NodeJS.ProcessEnv;
  readonly log: Logger;
}

/** What the factories of a workload and of a router get: the one may have to know what the runbook says of the other. */
export interface PlatformContext extends KindContext {
  readonly runbook: RunbookParts;
}

/** A workload also gets the router: it says which slot serves. */
export interface WorkloadContext extends PlatformContext {
  router(): Router;
}

export interface MetricsContext extends KindContext {
  readonly limits: Limits;
  /**
   * The versions that are compared: their slow requests have to be counted by the same limit, and other versions are no
   * obstacle. `apart` is another one whose requests have to be counted under its own name, whatever its buckets: green, when
   * only blue is judged. Missing where all versions matter.
   */
  readonly compared?: { readonly blue: string; readonly green: string; readonly apart?: string };
  /**
   * The slot of blue, and of green once it is deployed, by version: asked of the router. Missing where there is none to ask.
   * @throws ApplicationFailure `MetricsUnavailable` if the router does not say.
   */
  readonly slots?: (signal: AbortSignal) => Promise<Slots>;
}

/** How versions run: what `workload` in a runbook may be. */
export interface WorkloadKind<Config extends WorkloadConfig = WorkloadConfig> extends WorkloadSchema<Config> {
  create(config: Config, context: WorkloadContext): Workload;
}

/** How traffic moves: what `router` in a runbook may be. */
export interface RouterKind<Config extends RouterConfig = RouterConfig> extends RouterSchema<Config> {
  create(config: Config, context: PlatformContext): Router;
}

/** Where counts come from: what `metrics` in a runbook may be. */
export interface MetricsKind<Config extends MetricsConfig = MetricsConfig> extends MetricsSchema<Config> {
  create(config: Config, context: MetricsContext): MetricSource;
}

/** How people are notified: what an entry of `notifications` may be. */
export interface NotificationKind<Config extends NotificationConfig = NotificationConfig>
  extends NotificationSchema<Config> {
  create(config: Config, context: Omit<KindContext, 'target'>): Notifier;
}

/** What an entry of `checklist` and `verifyGreen` may be. */
export interface CheckKind<Config extends CheckConfig = CheckConfig> extends CheckSchema<Config> {
  /** Missing where a person confirms it. */
  create?(config: Config): Check;
  /** A remedy of this kind's own. `{ command: [...] }` works for every kind. */
  remedy?(config: Config): Remedy | undefined;
}

/** These return what they get: they only let TypeScript infer the type of the config from the schema. */
export function workloadKind<Config extends WorkloadConfig>(kind: WorkloadKind<Config>): WorkloadKind<Config> {
  return kind;
}
export function routerKind<Config extends RouterConfig>(kind: RouterKind<Config>): RouterKind<Config> {
  return kind;
}
export function metricsKind<Config extends MetricsConfig>(kind: MetricsKind<Config>): MetricsKind<Config> {
  return kind;
}
export function notificationKind<Config extends NotificationConfig>(
  kind: NotificationKind<Config>,
): NotificationKind<Config> {
  return kind;
}
export function checkKind<Config extends CheckConfig>(kind: CheckKind<Config>): CheckKind<Config> {
  return kind;
}
