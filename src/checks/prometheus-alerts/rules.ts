import {
  type AlertingRule,
  conceal,
  type Prometheus,
  type RecordingRule,
  type RuleGroup,
} from '../../prometheus/index.ts';
import {
  formatSelector,
  type Labels,
  mayMatch,
  type Selector,
  selectorsOf,
  selectsMetric,
} from '../../promql/index.ts';
import { type AlertedMetric, isAbout, seriesBehind } from './alerted-metric.ts';
import type { Item } from './items.ts';

/** An evaluation may be late by one turn. */
const INTERVALS = 2;
/** A finding ends in a history: a Prometheus for everybody has many rules. */
const MOST_SHOWN = 10;

export interface Rules {
  readonly items: readonly Item[];
  /** The alerting rules that read live series of this service. */
  readonly concerned: readonly AlertingRule[];
}

interface Placed<Rule> {
  readonly rule: Rule;
  readonly group: RuleGroup;
}

/** What an alerting rule reads in the end: the series that recording rules in between are made from. */
interface Reach {
  readonly selectors: readonly Selector[];
  readonly through: readonly Placed<RecordingRule>[];
}

/**
 * For each signal at least one alerting rule reads live series of this service; and all that do are evaluated without
 * error, just now, and find live series with each of their selectors. Rules that find none of this service are another
 * service's as often as broken ones, so that they count only where there is no better one.
 */
export async function judgeRules(
  server: Prometheus,
  groups: readonly RuleGroup[],
  wanted: {
    readonly signals: readonly AlertedMetric[];
    readonly labels: Labels;
    readonly now: number;
    readonly source: string;
  },
  stop: AbortSignal,
): Promise<Rules> {
  const { signals, labels, now, source } = wanted;
  const placed = groups.flatMap((group) => group.rules.map((rule) => ({ rule, group })));
  const alerting = placed.filter((one): one is Placed<AlertingRule> => one.rule.type === 'alerting');
  const recording = placed.filter((one): one is Placed<RecordingRule> => one.rule.type === 'recording');
  const count = counter(server, stop);
  const items: Item[] = [];
  const concerned = new Set<AlertingRule>();
  for (const signal of signals) {
    const dead: Dead[] = [];
    const alive: Item[] = [];
    for (const alert of alerting) {
      const reach = reachOf(alert.rule.query, recording, labels);
      if (!reach.selectors.some((selector) => isAbout(selector, signal, labels))) continue;
      const sights: Sight[] = [];
      for (const selector of reach.selectors) {
        const series = formatSelector(seriesBehind(selector, signal, labels));
        sights.push({ selector, series, found: await count(series) });
      }
      if (sights.some(({ selector, found }) => found > 0 && isAbout(selector, signal, labels))) {
        concerned.add(alert.rule);
        alive.push(judgeRule(alert, { signal, sights, through: reach.through, now, source }));
      } else dead.push({ rule: alert.rule, series: unfound(sights).join(', ') });
    }
    const shown = alive.length > 0 ? brokenFirst(alive) : noRule(signal, { labels, source }, dead.slice(0, MOST_SHOWN));
    items.push(...shown.slice(0, MOST_SHOWN));
  }
  return { items, concerned: [...concerned] };
}

interface Sight {
  readonly selector: Selector;
  readonly series: string;
  readonly found: number;
}

/** A rule that may be for this service, and the series that it does not find. */
interface Dead {
  readonly rule: AlertingRule;
  readonly series: string;
}

/**
 * Recorded series are followed to what they are recorded from, since those of errors are empty on a good day; but not
 * to what another service's are recorded from, which has its rule under the same name.
 */
function reachOf(query: string, recording: readonly Placed<RecordingRule>[], labels: Labels): Reach {
  const selectors: Selector[] = [];
  const through = new Set<Placed<RecordingRule>>();
  const follow = (expression: string, optional: boolean) => {
    for (const found of selectorsOf(expression)) {
      const selector = { ...found, optional: optional || found.optional };
      const recorded = recording.filter(
        ({ rule }) =>
          selectsMetric(selector, rule.name) &&
          mayMatch(selector, { ...labels, ...rule.labels }) &&
          selectorsOf(rule.query).some((source) => mayMatch(source, labels)),
      );
      if (recorded.length === 0) selectors.push(selector);
      for (const one of recorded.filter((each) => !through.has(each))) {
        through.add(one);
        follow(one.rule.query, selector.optional);
      }
    }
  };
  follow(query, false);
  return { selectors, through: [...through] };
}

function judgeRule(
  { rule, group }: Placed<AlertingRule>,
  found: {
    readonly signal: AlertedMetric;
    readonly sights: readonly Sight[];
    readonly through: Reach['through'];
    readonly now: number;
    readonly source: string;
  },
): Item {
  const { signal, sights, through, now, source } = found;
  const faults = [
    ...evaluationFaults({ rule, group }, now),
    ...through.flatMap((recording) => evaluationFaults(recording, now, `recording rule ${recording.rule.name}: `)),
    ...unfound(sights.filter(({ selector }) => !selector.optional)).map((series) => `no live series: ${series}`),
  ];
  const via = through.length > 0 ? `, through ${through.map(({ rule: { name } }) => name).join(', ')}` : '';
  const age = Math.max(0, now - rule.lastEvaluation) / 1_000;
  const line = {
    what: `rule for ${signal.name}: ${rule.name}`,
    measured: faults.length > 0 ? faults.join('; ') : `evaluated ${age.toFixed(1)} s ago, over live series${via}`,
    required: `evaluated without error within ${INTERVALS * group.interval} s, over live series of this service`,
    source,
  };
  if (faults.length === 0) return { line };
  return {
    line,
    missing: { says: `rule ${rule.name} does not work`, unblock: `fix rule ${rule.name}: ${faults.join('; ')}` },
  };
}

function evaluationFaults({ rule, group }: Placed<AlertingRule | RecordingRule>, now: number, before = ''): string[] {
  if (rule.isPaused) return [`${before}it is paused`];
  if (!(rule.lastEvaluation > 0)) return [`${before}not evaluated yet`];
  const late = now - rule.lastEvaluation - INTERVALS * group.interval * 1_000;
  const [health, error] = [rule.health, conceal(rule.lastError ?? '')];
  return [
    ...(health === 'ok' ? [] : [`${before}its health is "${health}"${error === '' ? '' : `: ${error}`}`]),
    ...(late <= 0
      ? []
      : [
          `${before}last evaluated ${((now - rule.lastEvaluation) / 1_000).toFixed(1)} s ago, though group ${group.name} ` +
            `is due every ${group.interval} s: look for slow rules in it`,
        ]),
  ];
}

/** No rule reads series of this service: rules that nearly do are shown, with what they do not find. */
function noRule(
  signal: AlertedMetric,
  { labels, source }: { readonly labels: Labels; readonly source: string },
  dead: readonly Dead[],
): Item[] {
  const required = `an alerting rule over ${signal.wanted} of ${formatSelector(asMatchers(labels))}`;
  if (dead.length === 0) {
    const missing = { says: `there is no alerting rule for ${signal.name}`, unblock: `add ${required}` };
    return [{ line: { what: `rules for ${signal.name}`, measured: 'none', required, source }, missing }];
  }
  const missing = {
    says: `no alerting rule for ${signal.name} reads live series of this service`,
    unblock:
      `add ${required}, or correct the one that was meant for it, or let the service export what that reads ` +
      `(a counter from 0 on): ${dead.map(({ rule, series }) => `${rule.name} reads ${series}`).join(', ')}`,
  };
  return dead.map(({ rule, series }) => ({
    line: { what: `rule for ${signal.name}: ${rule.name}`, measured: `no live series: ${series}`, required, source },
    missing,
  }));
}

function asMatchers(labels: Labels) {
  return Object.entries(labels).map(([label, value]) => ({ label, operator: '=' as const, value }));
}

function unfound(sights: readonly Sight[]): string[] {
  return sights.filter(({ found }) => found === 0).map(({ series }) => series);
}

function brokenFirst(items: readonly Item[]): Item[] {
  return [...items.filter(({ missing }) => missing), ...items.filter(({ missing }) => !missing)];
}

/** How many live series there are; each is asked for once. */
function counter(prometheus: Prometheus, signal: AbortSignal): (series: string) => Promise<number> {
  const known = new Map<string, number>();
  return async (series) => {
    const before = known.get(series);
    if (before !== undefined) return before;
    const [sum] = await prometheus.query(`count(${series})`, signal);
    const found = sum?.value[1] ?? 0;
    known.set(series, found);
    return found;
  };
}
