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
import { checkedKind, checkKind, checkPlugins, type Owner } from './checked-kinds.ts';
import type { Kinds, Plugin } from './define-plugin.ts';
import type { KindContext, MetricsContext, PlatformContext } from './kinds.ts';
import type { MetricSource } from './metric-source.ts';
import { PluginError } from './plugin-error.ts';
import type { Router } from './router.ts';
import type { Workload } from './workload.ts';

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

/** Where a runbook has the one kind of a port. */
const KEYS: Readonly<Partial<Record<Port, string>>> = { workloads: 'workload', routers: 'router', metrics: 'metrics' };

/** @throws PluginError when two kinds of a port have one name, or a plugin or one of its kinds cannot be used. */
export function createRegistry(plugins: readonly Plugin[]): Registry {
  checkPlugins(plugins);
  const kinds = {
    workloads: byKind('workloads', plugins),
    routers: byKind('routers', plugins),
    metrics: byKind('metrics', plugins),
    checks: byKind('checks', plugins),
    notifications: byKind('notifications', plugins),
  };
  const format = composeRunbookFormat({
    workloads: [...kinds.workloads.values()].map(({ kind, owner }) => checkedKind(kind, owner)),
    routers: [...kinds.routers.values()].map(({ kind, owner }) => checkedKind(kind, owner)),
    metrics: [...kinds.metrics.values()].map(({ kind, owner }) => checkedKind(kind, owner)),
    checks: [...kinds.checks.values()].map(({ kind, owner }) => checkedKind(kind, owner)),
    notifications: [...kinds.notifications.values()].map(({ kind, owner }) => checkedKind(kind, owner)),
  });

  function find<P extends Port>(port: P, { kind }: { readonly kind: string }) {
    const found = kinds[port].get(kind);
    if (found) return found.kind as NonNullable<Kinds[P]>[number];
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

function byKind<P extends Port>(port: P, plugins: readonly Plugin[]) {
  const found = new Map<string, { readonly kind: NonNullable<Kinds[P]>[number]; readonly owner: Owner }>();
  for (const { name, [port]: kinds = [] } of plugins) {
    const owner = { port: PORTS[port], plugin: name, key: KEYS[port] };
    if (!Array.isArray(kinds))
      throw new PluginError(`The plugin ${name} has "${port}" that is no list, expected a list of kinds.`);
    for (const kind of kinds as NonNullable<Kinds[P]>) {
      checkKind(kind, owner);
      const before = found.get(kind.kind)?.owner.plugin;
      if (before !== undefined)
        throw new PluginError(
          `The plugins ${before} and ${name} both have a ${PORTS[port]} of kind "${kind.kind}". Load only one of them, or give one kind another name.`,
        );
      found.set(kind.kind, { kind, owner });
    }
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
