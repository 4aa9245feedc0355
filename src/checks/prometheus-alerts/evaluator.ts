import {
  connect,
  grafanaAlertmanager,
  grafanaRules,
  type MetricsPage,
  prometheus,
  type Recipient,
  type RuleGroup,
  type Server,
} from '../../prometheus/index.ts';
import { type ReachableServer, serversOfMetrics, withAccessOf } from '../../runbook/index.ts';
import type { Config } from './schema.ts';

/** What evaluates the alerting rules and sends the alerts. Each function throws as `request` does. */
export interface Evaluator {
  /** As findings call it. */
  readonly name: string;
  readonly ruleGroups: (signal: AbortSignal) => Promise<RuleGroup[]>;
  /** The Alertmanagers that it sends to, also those that are not there. */
  readonly alertmanagers: (signal: AbortSignal) => Promise<readonly Recipient[]>;
  /** Its own metrics, with the counters of failed notifications, where it shows them. */
  readonly metrics?: (signal: AbortSignal) => Promise<MetricsPage>;
}

export interface Servers {
  /** Where the series are. */
  readonly series: Server;
  readonly evaluator: Evaluator;
  readonly alertmanager: (name: string, url: string) => Promise<Server>;
}

/**
 * The servers of a check. What one lacks of `auth`, `headers` and `caFile` it has from another of the runbook at the same host
 * and port. @throws Error that names the variable or the file that is missing.
 */
export async function serversOf(config: Config, metrics: object, env: NodeJS.ProcessEnv): Promise<Servers> {
  const { url, rules, alertmanagers } = config;
  const ofMetrics = serversOfMetrics(metrics);
  const ofSeries = withAccessOf(config, ofMetrics);
  const ofRules = rules && withAccessOf({ ...rules, url: rules.url ?? url }, [ofSeries, ...ofMetrics]);
  const known = [...(ofRules ? [ofRules] : []), ofSeries, ...ofMetrics];
  const series = await connect('Prometheus', ofSeries, env);
  const listed = alertmanagers.urls?.map((one) => ({ url: one }));
  return {
    series,
    evaluator: ofRules && rules ? await rulerOf(rules.kind, ofRules, { env, listed }) : ofPrometheus(series),
    alertmanager: (name, at) => connect(name, withAccessOf({ ...alertmanagers, url: at }, known), env),
  };
}

function ofPrometheus(series: Server): Evaluator {
  return { name: 'Prometheus', ...prometheus(series) };
}

/** Neither says where it sends alerts, nor counts its failed notifications for those who may read the rules. */
async function rulerOf(
  kind: 'ruler' | 'grafana',
  server: ReachableServer,
  { env, listed }: { readonly env: NodeJS.ProcessEnv; readonly listed: readonly Recipient[] | undefined },
): Promise<Evaluator> {
  const name = kind === 'grafana' ? 'Grafana' : 'the ruler';
  const connected = await connect(name, server, env);
  const ownAlertmanager = { url: grafanaAlertmanager(server.url) };
  return kind === 'grafana'
    ? {
        name,
        ruleGroups: (signal) => grafanaRules(connected, signal),
        alertmanagers: async () => listed ?? [ownAlertmanager],
      }
    : {
        name,
        ruleGroups: (signal) => prometheus(connected).ruleGroups(signal),
        alertmanagers: async () => listed ?? [],
      };
}
