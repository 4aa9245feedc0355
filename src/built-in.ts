import {
  attestation,
  commandCheck,
  deploymentMonitoring,
  httpCheck,
  loadTest,
  loadTool,
  platformReady,
  postgresIndexes,
  postgresMaxConnections,
  postgresPoolSize,
  prometheusAlerts,
  schemaMigrations,
} from './checks/index.ts';
import { commandMetrics, prometheusMetrics, scrapeMetrics } from './metrics/index.ts';
import {
  cdEventsNotification,
  cloudEventsNotification,
  commandNotification,
  emailNotification,
  githubNotification,
  gitlabNotification,
  pagerdutyNotification,
  slackNotification,
  teamsNotification,
  webhookNotification,
} from './notifications/index.ts';
import { createRegistry, definePlugin, loadPlugins, type Plugin, type Registry } from './plugin/index.ts';
import {
  commandRouter,
  grpcRouteRouter,
  haproxyRouter,
  httpRouteRouter,
  serviceRouter,
  virtualServiceRouter,
} from './routers/index.ts';
import { commandWorkload, kubernetesWorkload } from './workloads/index.ts';

/** The kinds that bluegreen has itself, registered as those of a plugin are. */
export const builtIn = definePlugin({
  name: 'bluegreen',
  workloads: [commandWorkload, kubernetesWorkload],
  routers: [commandRouter, haproxyRouter, httpRouteRouter, grpcRouteRouter, virtualServiceRouter, serviceRouter],
  metrics: [scrapeMetrics, prometheusMetrics, commandMetrics],
  checks: [
    postgresMaxConnections,
    postgresIndexes,
    postgresPoolSize,
    schemaMigrations,
    deploymentMonitoring,
    prometheusAlerts,
    loadTest,
    loadTool,
    platformReady,
    commandCheck,
    httpCheck,
    attestation,
  ],
  notifications: [
    slackNotification,
    teamsNotification,
    pagerdutyNotification,
    emailNotification,
    githubNotification,
    gitlabNotification,
    cloudEventsNotification,
    cdEventsNotification,
    webhookNotification,
    commandNotification,
  ],
});

/** The built-in kinds, and those of these plugins. @throws PluginError when a plugin does not fit. */
export function registryWith(plugins: readonly Plugin[] = []): Registry {
  return createRegistry([builtIn, ...plugins]);
}

/** The built-in kinds, and those of the plugins that the folder's `bluegreen.config` and BLUEGREEN_PLUGINS name. @throws PluginError */
export async function loadRegistry(folder = process.cwd(), env: NodeJS.ProcessEnv = process.env): Promise<Registry> {
  return registryWith(await loadPlugins(folder, env));
}
