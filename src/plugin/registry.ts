import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '../domain/index.ts';
import {
  type CheckConfig,
  composeRunbookFormat,
  type MetricsConfig,
  type NotificationConfig,
  type RouterConfig,
  type RunbookFormat,
  type WorkloadConfig,
} from '../runbook/index.ts';
import type { Check, NamedNotifier, Remedy } from './check.ts';
import {
  checkedCheck,
  checkedMetrics,
  checkedNotifier,
  checkedRemedy,
  checkedRouter,
  checkedWorkload,
} from './checked-answers.ts';
import { type Kinds, type Plugin, PORT_VERSION } from './define-plugin.ts';
import type { KindContext, MetricsContext, PlatformContext } from './kinds.ts';
import type { MetricSource } from './metric-source.ts';
import type { Router } from './router.ts';
import type { Workload } from './workload.ts';

/** A plugin cannot be used. The message says which, and what to do. */
export class PluginError extends Error {
  override readonly name = 'PluginError';
}

/** Every kind that runbooks may name. The functions throw `RunbookUnavailable`, retryable, where a plugin is missing. */
export interface Registry {
  /** What a runbook may say: for `loadRunbook` and `createRunbookStore`. */
  readonly format: RunbookFormat;
  workload(config: WorkloadConfig, context: PlatformContext): Workload;
  router(config: RouterConfig, context: PlatformContext): Router;
  metrics(config: MetricsConfig, context: MetricsContext): MetricSource;
  notifiers(configs: readonly NotificationConfig[], context: Omit<KindContext, 'target'>): readonly NamedNotifier[];
  /** @throws Error for a check that a person confirms. */
  check(config: CheckConfig): Check;
  /** The kind's own remedy, if the runbook asks for it. */
  remedy(config: CheckConfig): Remedy | undefined;
}

const PORTS = {
  workloads: 'workload',
  routers: 'router',
  metrics: 'metrics',
  checks: 'check',
  notifications: 'notification',
} as const;

type Port = keyof typeof PORTS;

/** @throws PluginError when two kinds of a port have one name, or a plugin is made for another version of the ports. */
export function createRegistry(plugins: readonly Plugin[]): Registry {
  for (const { name, portVersion } of plugins)
    if (portVersion !== PORT_VERSION)
      throw new PluginError(
        `The plugin ${name} is made for version ${portVersion} of bluegreen's ports, and this bluegreen has version ${PORT_VERSION}. ` +
          `Install a version of ${name} that fits, or another version of bluegreen.`,
      );
  const kinds = {
    workloads: byKind('workloads', plugins),
    routers: byKind('routers', plugins),
    metrics: byKind('metrics', plugins),
    checks: byKind('checks', plugins),
    notifications: byKind('notifications', plugins),
  };
  const format = composeRunbookFormat({
    workloads: [...kinds.workloads.values()],
    routers: [...kinds.routers.values()],
    metrics: [...kinds.metrics.values()],
    checks: [...kinds.checks.values()],
    notifications: [...kinds.notifications.values()],
  });

  function find<P extends Port>(port: P, { kind }: { readonly kind: string }) {
    const found = kinds[port].get(kind);
    if (found) return found as NonNullable<Kinds[P]>[number];
    throw ApplicationFailure.retryable(
      `This worker has no ${PORTS[port]} of kind "${kind}", which the runbook names. Load the plugin that has it (bluegreen.config.js or BLUEGREEN_PLUGINS) and restart the worker.`,
      FAILURE.RunbookUnavailable,
    );
  }

  const withRouter = (context: PlatformContext) => ({
    ...context,
    router: () => registry.router(context.runbook.router, context),
  });
  const registry: Registry = {
    format,
    workload: (config, context) =>
      checkedWorkload(find('workloads', config).create(config, withRouter(context)), nameOf('workloads', config)),
    router: (config, context) =>
      checkedRouter(find('routers', config).create(config, context), nameOf('routers', config)),
    metrics: (config, context) =>
      withinLimits(checkedMetrics(find('metrics', config).create(config, context), nameOf('metrics', config))),
    notifiers: (configs, context) =>
      configs.map((config, index) => {
        const created = find('notifications', config).create(config, context);
        const notifier = checkedNotifier(created, nameOf('notifications', config));
        return {
          name: `notification ${index + 1} of ${configs.length} (${config.kind})`,
          events: config.events,
          notify: (message, signal) => notifier.notify(message, signal),
          preflight: async () => (await notifier.preflight?.()) ?? [],
        };
      }),
    check: (config) => {
      const check = find('checks', config).create?.(config);
      if (!check) throw new Error(`check ${config.id} is confirmed by a person, not measured by a worker`);
      return checkedCheck(check, nameOf('checks', config));
    },
    remedy: (config) => {
      const remedy = find('checks', config).remedy?.(config);
      return remedy && checkedRemedy(remedy, nameOf('checks', config));
    },
  };
  return registry;
}

/** `the metrics kind "files"` */
function nameOf(port: Port, { kind }: { readonly kind: string }): string {
  return `the ${PORTS[port]} kind "${kind}"`;
}

function byKind<P extends Port>(port: P, plugins: readonly Plugin[]): Map<string, NonNullable<Kinds[P]>[number]> {
  const found = new Map<string, NonNullable<Kinds[P]>[number]>();
  const owner = new Map<string, string>();
  for (const plugin of plugins)
    for (const kind of plugin[port] ?? []) {
      const before = owner.get(kind.kind);
      if (before !== undefined)
        throw new PluginError(
          `The plugins ${before} and ${plugin.name} both have a ${PORTS[port]} of kind "${kind.kind}". Load only one of them, or give one kind another name.`,
        );
      owner.set(kind.kind, plugin.name);
      found.set(kind.kind, kind);
    }
  return found;
}

/** A cursor is kept in heartbeats and in the history, which have limits. */
const LARGEST_CURSOR = 256 * 1_024;

function withinLimits(source: MetricSource): MetricSource {
  const refuseLarge = <Reading extends { readonly cursor: unknown }>(reading: Reading): Reading => {
    const size = JSON.stringify(reading.cursor).length;
    if (size <= LARGEST_CURSOR) return reading;
    throw ApplicationFailure.retryable(
      `the metrics have too many series to remember (${Math.round(size / 1_024)} KB), expected at most ${LARGEST_CURSOR / 1_024} KB: ` +
        'let them show the versions that run, each with a short name',
      FAILURE.MetricsUnavailable,
    );
  };
  const { freshEveryMs, measuresLatency } = source;
  const inspect = source.inspect?.bind(source);
  const history = source.history?.bind(source);
  return {
    freshEveryMs,
    measuresLatency,
    read: async (since, signal) => refuseLarge(await source.read(since, signal)),
    ...(inspect && { inspect: async (since, signal) => refuseLarge(await inspect(since, signal)) }),
    ...(history && { history }),
  };
}
