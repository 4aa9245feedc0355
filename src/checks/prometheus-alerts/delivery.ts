import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Alertmanager,
  alertmanager,
  type MetricsPage,
  type Recipient,
  type Server,
} from '../../prometheus/index.ts';
import { messageOf } from '../../util/index.ts';
import type { Item } from './items.ts';

export interface Attached {
  readonly items: readonly Item[];
  readonly ready: readonly Alertmanager[];
  readonly dead: readonly Recipient[];
}

/**
 * The Alertmanagers that get the alerts, asked themselves: Prometheus lists dead ones, too. One that is ready is
 * enough, since each gets every alert.
 */
export async function judgeAlertmanagers(
  recipients: readonly Recipient[],
  {
    connect,
    signal,
  }: { readonly connect: (name: string, url: string) => Promise<Server>; readonly signal: AbortSignal },
): Promise<Attached> {
  const asked = await Promise.all(
    recipients.map(async (recipient, index) => {
      const name = `Alertmanager ${index + 1} of ${recipients.length}`;
      const it = alertmanager(await connect(name, recipient.url));
      const problem = await it.ready(signal).then(() => undefined, messageOf);
      return { recipient, it, problem };
    }),
  );
  signal.throwIfAborted();
  const ready = asked.filter(({ problem }) => problem === undefined).map(({ it }) => it);
  const items = asked.map(({ it: { name }, problem }): Item => {
    const required = recipients.length === 1 ? 'ready' : 'ready, at least one of them';
    const line = { what: name, measured: problem?.replace(`${name}: `, '') ?? 'ready', required, source: name };
    if (problem === undefined || ready.length > 0) return { line };
    const unblock = `start ${name}, or let this worker reach it (${line.measured})`;
    return { line, missing: { says: 'no Alertmanager is ready', unblock } };
  });
  return { items, ready, dead: asked.filter(({ problem }) => problem !== undefined).map(({ recipient }) => recipient) };
}

/** What evaluates the rules has no such counters for us: people should know that nothing was measured here. */
export function unmeasuredNotifications(source: string): Item {
  return { line: { what: 'failed notifications', measured: `not counted: ${source} does not show them`, source } };
}

/** Whether Prometheus has anybody to send to. */
export function judgeRecipients(recipients: readonly Recipient[]): Item {
  const line = {
    what: 'Alertmanagers that Prometheus sends to',
    measured: String(recipients.length),
    required: 'at least 1',
    source: 'Prometheus',
  };
  if (recipients.length > 0) return { line };
  const unblock = 'name an Alertmanager under alerting in the configuration of Prometheus';
  return { line, missing: { says: 'Prometheus sends to no Alertmanager', unblock } };
}

const DROPPED = 'prometheus_notifications_dropped_total';
const ERRORS = 'prometheus_notifications_errors_total';

/**
 * Prometheus' own counters of notifications that failed do not rise. From its own page, since it does not have to
 * scrape itself, and one that does may scrape others, too. Errors of an Alertmanager that is known to be dead do not
 * count: it stands in the evidence already, and what reached no Alertmanager at all is in the other counter.
 */
export async function judgeNotifications(
  metrics: (signal: AbortSignal) => Promise<MetricsPage>,
  look: { readonly dead: readonly Recipient[]; readonly lookMs: number; readonly signal: AbortSignal },
): Promise<Item[]> {
  const { dead, lookMs, signal } = look;
  const ignored = dead.flatMap(({ label }) => label ?? []);
  const first = await metrics(signal);
  await sleep(lookMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  const second = await metrics(signal);
  return [ERRORS, DROPPED].map((name): Item => {
    const required = `none new within ${lookMs / 1_000} s`;
    const said = { what: name, required, source: '/metrics of Prometheus' };
    // The errors appear with the first Alertmanager; the dropped ones are there from the start.
    if (!second.announced.has(DROPPED)) {
      const unblock =
        'let the URL of this check lead to the Prometheus that evaluates the rules, and to its own /metrics';
      const says = 'whether notifications fail is not to be seen';
      return { line: { ...said, measured: 'no such metric' }, missing: { says, unblock } };
    }
    const [before, after] = [sumOf(first, name, ignored), sumOf(second, name, ignored)];
    const risen = after < before ? after : after - before; // it was restarted in between
    const line = { ...said, measured: `${risen} new, ${after} since it started` };
    if (risen === 0) return { line };
    const unblock = `look into the log of Prometheus for why its notifications fail (${name} rose by ${risen})`;
    return { line, missing: { says: 'notifications of Prometheus fail', unblock } };
  });
}

function sumOf({ samples }: MetricsPage, metric: string, ignored: readonly string[]): number {
  return samples
    .filter(({ name, labels }) => name === metric && !ignored.includes(labels.get('alertmanager') ?? ''))
    .reduce((sum, { value }) => sum + value, 0);
}
