import type { Server } from './http-client.ts';
import { prometheus, type RuleGroup } from './prometheus.ts';

/** The rules that a Grafana evaluates itself, by its Prometheus-compatible API. @throws as `request` does. */
export async function grafanaRules(server: Server, signal: AbortSignal): Promise<RuleGroup[]> {
  const groups = await prometheus(below(server, '/api/prometheus/grafana')).ruleGroups(signal);
  return groups.map((group) => ({
    ...group,
    rules: group.rules.map((rule) => ({ ...rule, query: asOneExpression(rule.query) })),
  }));
}

/** Where a Grafana's own Alertmanager answers. */
export function grafanaAlertmanager(url: string): string {
  return below({ url }, '/api/alertmanager/grafana').url;
}

function below<At extends { readonly url: string }>(at: At, path: string): At {
  return { ...at, url: at.url.replace(/\/+$/, '') + path };
}

const QUOTED_OR_BAR = /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`| \| /g;

/** Grafana shows a rule of several queries as `a | b`, which is no PromQL: it reads the series of all. */
function asOneExpression(query: string): string {
  const joined = query.replace(QUOTED_OR_BAR, (part) => (part === ' | ' ? ') and (' : part));
  return joined === query ? query : `(${joined})`;
}
