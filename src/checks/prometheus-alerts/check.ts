import { type Check, checkKind } from '../../plugin/index.ts';
import { type Prometheus, prometheus, type Recipient, type RuleGroup } from '../../prometheus/index.ts';
import type { Labels } from '../../promql/index.ts';
import { alertedMetricOf } from './alerted-metric.ts';
import { judgeAlertmanagers, judgeNotifications, judgeRecipients, unmeasuredNotifications } from './delivery.ts';
import { type Evaluator, serversOf } from './evaluator.ts';
import { findingOf, type Item } from './items.ts';
import { judgeRules, type Rules } from './rules.ts';
import { type Config, schema } from './schema.ts';
import { sendTestAlert } from './test-alert.ts';

export const prometheusAlerts = checkKind({
  kind: 'prometheus-alerts',
  summary: 'Alerts for errors and latency use live series and are delivered.',
  schema,
  secretKeys: ['url', 'urls', 'auth', 'headers', 'caFile'],
  again: true,
  create,
});

/**
 * Somebody is notified when this service fails or gets slow: there are rules for both that can fire, the Alertmanagers accept
 * alerts, and no alert fires already, which would hide a fault of the release.
 */
function create(config: Config): Check {
  return async ({ run: { signal, heartbeat }, runbook, env }) => {
    const { series, evaluator, alertmanager } = await serversOf(config, runbook.metrics, env);
    const server = prometheus(series);
    const source = evaluator.name;

    heartbeat({ doing: 'looking at the rules' });
    const now = await clockOf(server, signal);
    const groups = await evaluator.ruleGroups(signal);
    const signals = [alertedMetricOf('errors', config.errors), alertedMetricOf('latency', config.latency)];
    const rules = await judgeRules(server, groups, { signals, labels: config.labels, now, source }, signal);

    heartbeat({ doing: 'looking where alerts go' });
    const recipients = await evaluator.alertmanagers(signal);
    const reachable = config.alertmanagers.urls?.map((url) => ({ url })) ?? recipients;
    const attached = await judgeAlertmanagers(reachable, { connect: alertmanager, signal });
    const sent = await judgeSending(evaluator, recipients, {
      dead: attached.dead,
      lookMs: config.measureFor,
      signal,
    });

    const proofs: Item[] = [];
    if (config.prove) {
      heartbeat({ doing: 'sending a test alert' });
      for (const to of attached.ready) proofs.push(await sendTestAlert(to, config.labels, signal));
    }
    return findingOf(
      [
        ...rules.items,
        judgeFiring(groups, rules, { labels: config.labels, source }),
        ...sent.recipients,
        ...attached.items,
        ...sent.notifications,
        ...proofs,
      ],
      `${rules.concerned.map(({ name }) => name).join(', ')} watch errors and latency, ` +
        `${attached.ready.length} of ${reachable.length} Alertmanagers ready, nothing fires`,
    );
  };
}

/** Whether what evaluates the rules has anybody to send to, and what it sends arrives: as far as it says so. */
async function judgeSending(
  { name, metrics }: Evaluator,
  recipients: readonly Recipient[],
  look: Parameters<typeof judgeNotifications>[1],
): Promise<{ readonly recipients: readonly Item[]; readonly notifications: readonly Item[] }> {
  if (!metrics) return { recipients: [], notifications: [unmeasuredNotifications(name)] };
  return {
    recipients: [judgeRecipients(recipients)],
    // What is sent to nobody cannot fail on its way, and Prometheus 3 does not even count it.
    notifications: recipients.length === 0 ? [] : await judgeNotifications(metrics, look),
  };
}

/** Epoch milliseconds by Prometheus' own clock: the worker's may be wrong. */
async function clockOf(server: Prometheus, signal: AbortSignal): Promise<number> {
  const [now] = await server.query('vector(time())', signal);
  return (now?.value[1] ?? Number.NaN) * 1_000;
}

/** As Prometheus says it, and Grafana, which notifies of rules without data and with errors as well. */
const FIRES = /^(?:firing$|alerting|nodata|error)/i;

/** Alerts with the service's labels; and those of its own rules, whose sums may have lost a label. */
function judgeFiring(
  groups: readonly RuleGroup[],
  { concerned }: Rules,
  { labels, source }: { readonly labels: Labels; readonly source: string },
): Item {
  const firing = new Set<string>();
  for (const rule of groups.flatMap((group) => group.rules)) {
    if (rule.type !== 'alerting') continue;
    for (const alert of rule.alerts) {
      const own = Object.entries(labels).every(
        ([label, value]) => (alert.labels[label] ?? (concerned.includes(rule) ? value : undefined)) === value,
      );
      if (FIRES.test(alert.state) && own) firing.add(rule.name);
    }
  }
  const names = [...firing].sort();
  const line = {
    what: 'alerts that fire for this service',
    measured: names.length === 0 ? 'none' : names.join(', '),
    required: 'none: they would hide what the release does',
    source,
  };
  if (names.length === 0) return { line };
  return {
    line,
    missing: { says: `already fires: ${names.join(', ')}`, unblock: `fix what makes ${names.join(', ')} fire` },
  };
}
