import { type Check, checkKind } from '../../plugin/index.ts';
import { type Prometheus, prometheus, type RuleGroup, readToken } from '../../prometheus/index.ts';
import type { Labels } from '../../promql/index.ts';
import { alertedMetricOf } from './alerted-metric.ts';
import { judgeAlertmanagers, judgeNotifications, judgeRecipients } from './delivery.ts';
import { findingOf, type Item } from './items.ts';
import { judgeRules, type Rules } from './rules.ts';
import { type Config, schema } from './schema.ts';
import { sendTestAlert } from './test-alert.ts';

export const prometheusAlerts = checkKind({
  kind: 'prometheus-alerts',
  summary: 'Alerts for errors and latency use live series and are delivered.',
  schema,
  secretKeys: ['url', 'urls', 'tokenEnv'],
  again: true,
  create,
});

/**
 * Somebody is notified when this service fails or gets slow: there are rules for both that can fire, the Alertmanagers accept
 * alerts, and no alert fires already, which would hide a fault of the release.
 */
function create(config: Config): Check {
  return async ({ run: { signal, heartbeat }, env }) => {
    const server = prometheus({ name: 'Prometheus', url: config.url, token: readToken(env, config.tokenEnv) });
    const token = readToken(env, config.alertmanagers.tokenEnv);

    heartbeat({ doing: 'looking at the rules' });
    const now = await clockOf(server, signal);
    const groups = await server.ruleGroups(signal);
    const signals = [alertedMetricOf('errors', config.errors), alertedMetricOf('latency', config.latency)];
    const rules = await judgeRules(server, groups, { signals, labels: config.labels, now }, signal);

    heartbeat({ doing: 'looking where alerts go' });
    const recipients = await server.alertmanagers(signal);
    const reachable = config.alertmanagers.urls?.map((url) => ({ url })) ?? recipients;
    const attached = await judgeAlertmanagers(reachable, { token, signal });
    const look = { dead: attached.dead, lookMs: config.measureFor, signal };
    // What is sent to nobody cannot fail on its way, and Prometheus 3 does not even count it.
    const notifications = recipients.length === 0 ? [] : await judgeNotifications(server, look);

    const proofs: Item[] = [];
    if (config.prove) {
      heartbeat({ doing: 'sending a test alert' });
      for (const to of attached.ready) proofs.push(await sendTestAlert(to, config.labels, signal));
    }
    return findingOf(
      [
        ...rules.items,
        judgeFiring(groups, rules, config.labels),
        judgeRecipients(recipients),
        ...attached.items,
        ...notifications,
        ...proofs,
      ],
      `${rules.concerned.map(({ name }) => name).join(', ')} watch errors and latency, ` +
        `${attached.ready.length} of ${reachable.length} Alertmanagers ready, nothing fires`,
    );
  };
}

/** Epoch milliseconds by Prometheus' own clock: the worker's may be wrong. */
async function clockOf(server: Prometheus, signal: AbortSignal): Promise<number> {
  const [now] = await server.query('vector(time())', signal);
  return (now?.value[1] ?? Number.NaN) * 1_000;
}

/** Alerts with the service's labels; and those of its own rules, whose sums may have lost a label. */
function judgeFiring(groups: readonly RuleGroup[], { concerned }: Rules, labels: Labels): Item {
  const firing = new Set<string>();
  for (const rule of groups.flatMap((group) => group.rules)) {
    if (rule.type !== 'alerting') continue;
    for (const alert of rule.alerts) {
      const own = Object.entries(labels).every(
        ([label, value]) => (alert.labels[label] ?? (concerned.includes(rule) ? value : undefined)) === value,
      );
      if (alert.state === 'firing' && own) firing.add(rule.name);
    }
  }
  const names = [...firing].sort();
  const line = {
    what: 'alerts that fire for this service',
    measured: names.length === 0 ? 'none' : names.join(', '),
    required: 'none: they would hide what the release does',
    source: 'Prometheus',
  };
  if (names.length === 0) return { line };
  return {
    line,
    missing: { says: `already fires: ${names.join(', ')}`, unblock: `fix what makes ${names.join(', ')} fire` },
  };
}
